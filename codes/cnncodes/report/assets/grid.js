
/* Which points lie in a rectangle: a grid of cells, each with its members. */

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
