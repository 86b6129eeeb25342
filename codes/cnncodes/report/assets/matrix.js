
/* The confusion matrix of many classes, drawn. */

function startMatrix(data) {
  const canvas = document.getElementById("matrix-canvas");
  const said = document.getElementById("matrix-said");
  const pen = canvas.getContext("2d");
  const columns = data.names.length;
  const rows = data.cells.reduce((most, cell) => Math.max(most, cell[0] + 1), 1);
  const size = canvas.width / Math.max(columns, rows);
  const sums = new Map();
  const counts = new Map();
  for (const [i, j, n] of data.cells) {
    sums.set(i, (sums.get(i) || 0) + n);
    counts.set(i * columns + j, n);
  }
  let chosen = [0, 0];
  const draw = () => {
    pen.clearRect(0, 0, canvas.width, canvas.height);
    for (const [i, j, n] of data.cells) {
      pen.globalAlpha = 0.25 + 0.75 * (n / sums.get(i));
      pen.fillStyle = `rgb(${readColor(i === j ? "--right" : "--wrong")})`;
      pen.fillRect(j * size, i * size, Math.max(1, size), Math.max(1, size));
    }
    pen.globalAlpha = 1;
    pen.strokeStyle = readColor("--text");
    pen.lineWidth = 2;
    pen.strokeRect(chosen[1] * size - 1, chosen[0] * size - 1, size + 2, size + 2);
  };
  const choose = (i, j) => {
    chosen = [Math.min(rows - 1, Math.max(0, i)), Math.min(columns - 1, Math.max(0, j))];
    const n = counts.get(chosen[0] * columns + chosen[1]) || 0;
    said.textContent = `True ${data.names[chosen[0]]}, predicted ${data.names[chosen[1]]}: ${n} ${n === 1 ? "image" : "images"}`;
    draw();
  };
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width / size;
    choose(Math.floor((event.clientY - box.top) * scale), Math.floor((event.clientX - box.left) * scale));
  });
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    choose(chosen[0] + step[0], chosen[1] + step[1]);
  });
  onScheme(draw);
  draw();
}

const matrixData = readData("matrix-data");
if (matrixData) startMatrix(matrixData);
