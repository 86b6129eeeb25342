
/* What the map shows of which part, and how: points are typed arrays, and no element of the page stands for one. */

class MapView {
  constructor(data, canvas, subject) {
    this.data = data;
    this.subject = subject; // says what a mark stands for
    const places = unpack(data.places, Uint16Array);
    this.x = new Float32Array(data.n);
    this.y = new Float32Array(data.n);
    for (let i = 0; i < data.n; i += 1) {
      this.x[i] = places[2 * i] / 65535;
      this.y[i] = 1 - places[2 * i + 1] / 65535;
    }
    this.grid = new Grid(this.x, this.y, Math.max(1, Math.min(256, Math.ceil(Math.sqrt(data.n)))));
    this.shown = new Uint8Array(data.n);
    this.chosen = -1;
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.marks = document.createElement("canvas"); // all but the ring, so that pointing at images draws none anew
    this.isStale = true;
    this.waiting = false;
    this.regroup();
    this.showAll();
  }

  regroup() {
    const members = Array.from({ length: this.subject.groups }, () => []);
    for (let i = 0; i < this.data.n; i += 1) members[this.subject.groupOf(i)].push(i);
    this.groups = members.map((found) => Uint32Array.from(found));
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
    const image = new ImageData(this.canvas.width, this.canvas.height);
    const ratio = this.canvas.width / this.width;
    const size = Math.min(5, Math.max(1.8, 90 / Math.sqrt(this.data.n)) * Math.sqrt(this.zoom)) * 1.2;
    const scale = this.scale() * ratio;
    const left = image.width / 2 - this.middle[0] * scale;
    const top = image.height / 2 - this.middle[1] * scale;
    const edge = 9 * ratio;
    for (let index = 0; index < this.groups.length; index += 1) {
      const color = this.subject.colorOf(index);
      const [square, cross] = [false, true].map((isCross) => new Stamp(color, size, ratio, isCross));
      for (const i of this.groups[index]) {
        if (!this.shown[i]) continue;
        const px = this.x[i] * scale + left;
        const py = this.y[i] * scale + top;
        if (px < -edge || py < -edge || px > image.width + edge || py > image.height + edge) continue;
        (this.subject.isCross(i) ? cross : square).press(image, px, py);
      }
    }
    this.marks.getContext("2d").putImageData(image, 0, 0);
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
}
