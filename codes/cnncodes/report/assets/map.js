
/* The map of codes. Points are typed arrays, found through a grid: no element of the page stands for one. */

class Grid {
  constructor(x, y, side) {
    this.side = side;
    this.starts = new Uint32Array(side * side + 1);
    const cells = new Uint32Array(x.length);
    for (let i = 0; i < x.length; i += 1) {
      cells[i] = this.cell(y[i]) * side + this.cell(x[i]);
      this.starts[cells[i] + 1] += 1;
    }
    for (let c = 0; c < side * side; c += 1) this.starts[c + 1] += this.starts[c];
    this.members = new Uint32Array(x.length);
    const next = this.starts.slice(0, -1);
    for (let i = 0; i < x.length; i += 1) {
      this.members[next[cells[i]]] = i;
      next[cells[i]] += 1;
    }
  }

  cell(value) {
    return Math.min(this.side - 1, Math.max(0, Math.floor(value * this.side)));
  }

  visit(left, top, right, bottom, found) {
    for (let row = this.cell(top); row <= this.cell(bottom); row += 1) {
      const first = this.starts[row * this.side + this.cell(left)];
      const last = this.starts[row * this.side + this.cell(right) + 1];
      for (let k = first; k < last; k += 1) found(this.members[k]);
    }
  }
}

const COLORS = {
  light: ["#0072b2", "#b84a00", "#00795a", "#8f3f86", "#8a6500", "#5b4bc4", "#a3203c", "#4b5560"],
  dark: ["#56b4e9", "#f08c32", "#2fc79a", "#e08fd0", "#e8c547", "#a99bff", "#ff8095", "#b9c2cb"],
};

function colorOf(index, count) {
  const few = isDark() ? COLORS.dark : COLORS.light;
  if (count <= few.length) return few[index];
  const lightness = (isDark() ? 58 : 34) + 8 * (index % 3);
  return `hsl(${(index * 137.508) % 360} ${isDark() ? 65 : 70}% ${lightness}%)`;
}

class CodeMap {
  constructor(data) {
    this.data = data;
    const places = unpack(data.places, Uint16Array);
    this.x = new Float32Array(data.n);
    this.y = new Float32Array(data.n);
    for (let i = 0; i < data.n; i += 1) {
      this.x[i] = places[2 * i] / 65535;
      this.y[i] = 1 - places[2 * i + 1] / 65535;
    }
    this.truth = unpack(data.truth, Uint16Array);
    this.predicted = unpack(data.predicted, Uint16Array);
    this.probability = data.probability === null ? null : unpack(data.probability, Uint16Array);
    this.grid = new Grid(this.x, this.y, Math.max(1, Math.min(256, Math.ceil(Math.sqrt(data.n)))));
    this.tileOf = new Map();
    if (data.tiles !== null) unpack(data.tiles, Uint32Array).forEach((image, tile) => this.tileOf.set(image, tile));
    this.shown = new Uint8Array(data.n);
    this.chosen = -1;
    this.byClass = [];
    for (let i = 0; i < data.classes.length; i += 1) this.byClass.push([]);
    for (let i = 0; i < data.n; i += 1) this.byClass[this.truth[i]].push(i);
    this.byClass = this.byClass.map((members) => Uint32Array.from(members));
    this.canvas = document.getElementById("map");
    this.pen = this.canvas.getContext("2d");
    this.marks = document.createElement("canvas"); // all but the ring, so that pointing at images draws none anew
    this.isStale = true;
    this.said = document.getElementById("map-said");
    this.sheet = document.getElementById("sheet");
    this.waiting = false;
    this.showAll();
    this.listClasses();
    this.filter();
    this.listen();
    this.resize();
  }

  showAll() {
    this.zoom = 1;
    this.middle = [0.5, 0.5];
  }

  scale() {
    return 0.94 * this.zoom * Math.min(this.width, this.height);
  }

  toScreen(i) {
    const scale = this.scale();
    return [
      (this.x[i] - this.middle[0]) * scale + this.width / 2,
      (this.y[i] - this.middle[1]) * scale + this.height / 2,
    ];
  }

  toMap(px, py) {
    const scale = this.scale();
    return [(px - this.width / 2) / scale + this.middle[0], (py - this.height / 2) / scale + this.middle[1]];
  }

  listClasses() {
    const select = document.getElementById("map-class");
    const counts = this.byClass.map((members) => members.length);
    this.data.classes.forEach((title, index) => {
      const option = document.createElement("option");
      option.value = index;
      option.textContent = `${title} (${counts[index]})`;
      select.append(option);
    });
    this.drawLegend();
  }

  drawLegend() {
    const legend = document.getElementById("map-legend");
    legend.replaceChildren();
    const count = this.data.classes.length;
    this.data.classes.slice(0, 20).forEach((title, index) => {
      const item = document.createElement("li");
      const swatch = document.createElement("span");
      swatch.style.background = colorOf(index, count);
      const text = document.createElement("bdi");
      text.textContent = title;
      item.append(swatch, text);
      legend.append(item);
    });
    if (count > 20) {
      const item = document.createElement("li");
      item.textContent = `and ${count - 20} more; colours repeat nearly`;
      legend.append(item);
    }
  }

  filter() {
    const wanted = Number(document.getElementById("map-class").value);
    const mistakes = document.getElementById("map-mistakes").checked;
    let count = 0;
    for (let i = 0; i < this.data.n; i += 1) {
      const fits = wanted < 0 || this.truth[i] === wanted || (mistakes && this.predicted[i] === wanted);
      this.shown[i] = fits && (!mistakes || this.truth[i] !== this.predicted[i]) ? 1 : 0;
      count += this.shown[i];
    }
    if (this.chosen >= 0 && !this.shown[this.chosen]) this.choose(-1);
    const whose = mistakes && wanted >= 0 ? " that are of the class or were taken for it" : "";
    document.getElementById("map-count").textContent =
      `${count.toLocaleString("en")} of ${this.data.n.toLocaleString("en")} images shown${whose}.`;
    this.redraw();
  }

  resize() {
    const box = this.canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    this.width = this.canvas.clientWidth || box.width || 300;
    this.height = this.canvas.clientHeight || box.height || 300;
    this.canvas.width = Math.round(this.width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.redraw();
  }

  redraw() {
    this.isStale = true;
    this.show();
  }

  show() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.isStale) this.drawMarks();
      this.isStale = false;
      const ratio = this.canvas.width / this.width;
      this.pen.setTransform(1, 0, 0, 1, 0, 0);
      this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
      this.pen.drawImage(this.marks, 0, 0);
      this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      if (this.chosen >= 0) this.drawRing();
    });
  }

  drawMarks() {
    this.marks.width = this.canvas.width; // which clears it, too
    this.marks.height = this.canvas.height;
    const pen = this.marks.getContext("2d");
    const ratio = this.canvas.width / this.width;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const size = Math.min(5, Math.max(1.8, 90 / Math.sqrt(this.data.n)) * Math.sqrt(this.zoom)) * 1.2;
    const scale = this.scale();
    const left = this.width / 2 - this.middle[0] * scale;
    const top = this.height / 2 - this.middle[1] * scale;
    const count = this.data.classes.length;
    for (let index = 0; index < count; index += 1) {
      pen.fillStyle = pen.strokeStyle = colorOf(index, count);
      pen.lineWidth = 1.6;
      pen.beginPath();
      const crosses = new Path2D();
      for (const i of this.byClass[index]) {
        if (!this.shown[i]) continue;
        const px = this.x[i] * scale + left;
        const py = this.y[i] * scale + top;
        if (px < -9 || py < -9 || px > this.width + 9 || py > this.height + 9) continue;
        if (this.predicted[i] === index) {
          pen.rect(px - size / 2, py - size / 2, size, size);
        } else {
          crosses.moveTo(px - size, py - size);
          crosses.lineTo(px + size, py + size);
          crosses.moveTo(px - size, py + size);
          crosses.lineTo(px + size, py - size);
        }
      }
      pen.fill();
      pen.stroke(crosses);
    }
  }

  drawRing() {
    const [px, py] = this.toScreen(this.chosen);
    for (const [radius, color, width] of [[10, "--page", 5], [10, "--text", 2.5]]) {
      this.pen.strokeStyle = readColor(color);
      this.pen.lineWidth = width;
      this.pen.beginPath();
      this.pen.arc(px, py, radius, 0, 2 * Math.PI);
      this.pen.stroke();
    }
  }

  findNear(px, py, reach) {
    const [left, top] = this.toMap(px - reach, py - reach);
    const [right, bottom] = this.toMap(px + reach, py + reach);
    let best = -1;
    let least = reach * reach;
    this.grid.visit(left, top, right, bottom, (i) => {
      if (!this.shown[i]) return;
      const [x, y] = this.toScreen(i);
      const distance = (x - px) ** 2 + (y - py) ** 2;
      if (distance <= least) {
        least = distance;
        best = i;
      }
    });
    return best;
  }

  /* The nearest image within 45 degrees of a direction, sideways distance counting twice; without an image
     chosen, the one nearest to the middle. */
  findNext(dx, dy) {
    const [fx, fy] =
      this.chosen >= 0 ? [this.x[this.chosen], this.y[this.chosen]] : this.middle;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.data.n; i += 1) {
      if (!this.shown[i] || i === this.chosen) continue;
      const ahead = (this.x[i] - fx) * dx + (this.y[i] - fy) * dy;
      const aside = Math.abs((this.x[i] - fx) * dy) + Math.abs((this.y[i] - fy) * dx);
      if (this.chosen >= 0 && (ahead <= 0 || aside > ahead)) continue;
      const distance = Math.abs(ahead) + 2 * aside;
      if (distance < least) {
        least = distance;
        best = i;
      }
    }
    return best;
  }

  choose(i) {
    if (i === this.chosen) return;
    this.chosen = i;
    this.showThumb();
    this.describe();
    this.show();
  }

  describe() {
    const i = this.chosen;
    this.said.replaceChildren();
    if (i < 0) {
      this.said.textContent = "No image chosen.";
      return;
    }
    const isWrong = this.truth[i] !== this.predicted[i];
    const verdict = document.createElement("span");
    verdict.className = isWrong ? "is-wrong" : "is-right";
    verdict.textContent = isWrong ? "Wrong" : "Right";
    const given = document.createElement("bdi");
    given.textContent = this.data.classes[this.predicted[i]] || "no class";
    const truth = document.createElement("bdi");
    truth.textContent = this.data.classes[this.truth[i]];
    const file = document.createElement("bdi");
    file.textContent = this.data.files[i];
    file.className = "file";
    const sure = this.probability === null ? "" : ` (${(this.probability[i] / 65535).toFixed(2)})`;
    this.said.append(verdict, ": predicted ", given, `${sure}, is `, truth, ". ", file);
  }

  showThumb() {
    const canvas = document.getElementById("map-thumb");
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const tile = this.tileOf.get(this.chosen);
    if (tile === undefined) {
      canvas.setAttribute("aria-label", "No thumbnail in this file");
      if (this.chosen < 0) return;
      pen.fillStyle = readColor("--quiet");
      pen.font = "13px system-ui, sans-serif";
      pen.textAlign = "center";
      pen.fillText("no thumbnail", 64, 60);
      pen.fillText("in this file", 64, 78);
      return;
    }
    const size = this.data.tile;
    const left = (tile % this.data.columns) * size;
    const top = Math.floor(tile / this.data.columns) * size;
    pen.drawImage(this.sheet, left, top, size, size, 0, 0, canvas.width, canvas.height);
    canvas.setAttribute("aria-label", `Thumbnail of ${this.data.files[this.chosen]}`);
  }

  zoomBy(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.toMap(px, py);
    this.zoom = Math.min(200, Math.max(1, this.zoom * factor));
    const scale = this.scale();
    this.middle = [x - (px - this.width / 2) / scale, y - (py - this.height / 2) / scale];
    this.keepInside();
  }

  panBy(px, py) {
    const scale = this.scale();
    this.middle = [this.middle[0] - px / scale, this.middle[1] - py / scale];
    this.keepInside();
  }

  keepInside() {
    this.middle = this.middle.map((value) => Math.min(1, Math.max(0, value)));
    this.redraw();
  }

  follow() {
    const [px, py] = this.toScreen(this.chosen);
    if (px < 12 || py < 12 || px > this.width - 12 || py > this.height - 12) {
      this.middle = [this.x[this.chosen], this.y[this.chosen]];
      this.redraw();
    }
  }

  listen() {
    const canvas = this.canvas;
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop];
    };
    let held = null;
    canvas.addEventListener("pointerdown", (event) => {
      held = place(event);
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const [px, py] = place(event);
      if (held) {
        this.panBy(px - held[0], py - held[1]);
        held = [px, py];
        return;
      }
      const near = this.findNear(px, py, 14);
      if (near >= 0) this.choose(near);
    });
    canvas.addEventListener("pointerup", (event) => {
      held = null;
      const near = this.findNear(...place(event), 18);
      if (near >= 0) this.choose(near);
    });
    canvas.addEventListener("pointercancel", () => {
      held = null;
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (document.activeElement !== canvas && !event.ctrlKey) return;
        event.preventDefault();
        this.zoomBy(Math.exp(-event.deltaY / 400), ...place(event));
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => this.press(event));
    document.getElementById("map-in").addEventListener("click", () => this.zoomBy(1.5));
    document.getElementById("map-out").addEventListener("click", () => this.zoomBy(1 / 1.5));
    document.getElementById("map-whole").addEventListener("click", () => {
      this.showAll();
      this.redraw();
    });
    document.getElementById("map-class").addEventListener("change", () => this.filter());
    document.getElementById("map-mistakes").addEventListener("change", () => this.filter());
    new ResizeObserver(() => this.resize()).observe(canvas);
    onScheme(() => {
      this.drawLegend();
      this.redraw();
    });
  }

  press(event) {
    const arrows = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const arrow = arrows[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow && event.shiftKey) {
      this.panBy(-60 * arrow[0], -60 * arrow[1]);
    } else if (arrow) {
      const next = this.findNext(...arrow);
      if (next >= 0) {
        this.choose(next);
        this.follow();
      }
    } else if (event.key === "+" || event.key === "=") {
      this.zoomAtChosen(1.5);
    } else if (event.key === "-") {
      this.zoomAtChosen(1 / 1.5);
    } else if (event.key === "0") {
      this.showAll();
      this.redraw();
    } else {
      return;
    }
    event.preventDefault();
  }

  zoomAtChosen(factor) {
    if (this.chosen >= 0) this.zoomBy(factor, ...this.toScreen(this.chosen));
    else this.zoomBy(factor);
  }
}

const mapData = readData("map-data");
if (mapData) new CodeMap(mapData);
