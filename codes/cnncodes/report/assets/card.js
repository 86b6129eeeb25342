
/* What is said of the image that is chosen on the map: its thumbnail, what is true, its nearest training images. */

class MapCard {
  constructor(data, view) {
    this.data = data;
    this.view = view;
    this.tileOf = numberTiles(data.tiles);
    this.said = document.getElementById("map-said");
    this.sheet = document.getElementById("sheet");
    this.near = data.training === null ? null : new Nearest(data.training);
  }

  show() {
    this.showThumb();
    this.describe();
    if (this.near) this.near.show(this.view.chosen);
  }

  describe() {
    const i = this.view.chosen;
    this.said.replaceChildren();
    if (i < 0) {
      this.said.textContent = "No image chosen.";
      return;
    }
    const file = makeFileName(this.data.files[i]);
    this.said.append(...this.view.subject.describe(i));
    if (this.near) this.said.append("Nearest in training: ", ...this.near.list(i), ". ");
    this.said.append(file);
  }

  showThumb() {
    const canvas = document.getElementById("map-thumb");
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    const tile = this.tileOf.get(this.view.chosen);
    if (tile === undefined) {
      canvas.setAttribute("aria-label", "No thumbnail in this file");
      if (this.view.chosen < 0) return;
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
    canvas.setAttribute("aria-label", `Thumbnail of ${this.data.files[this.view.chosen]}`);
  }
}

/* The training images nearest to an image, each a part of one picture that all share. */

class Nearest {
  constructor(data) {
    this.data = data;
    this.index = unpack(data.index, data.wide === "u2" ? Uint16Array : Uint32Array);
    this.similarity = unpack(data.similarity, Uint8Array);
    this.labels = unpack(data.labels, Uint16Array);
    this.tileOf = numberTiles(data.tiles);
    this.box = document.getElementById("map-near");
  }

  list(i) {
    if (!this.data.counted) {
      const near = this.index.subarray(i * this.data.k, (i + 1) * this.data.k);
      return Array.from(near).flatMap((image, place) => [
        place ? ", " : "",
        makeName(this.data.names[this.labels[image]]),
      ]);
    }
    const counts = new Map();
    for (let j = i * this.data.k; j < (i + 1) * this.data.k; j += 1) {
      for (const word of this.data.parts[this.labels[this.index[j]]]) {
        counts.set(word, (counts.get(word) || 0) + 1);
      }
    }
    const falling = Array.from(counts).sort((a, b) => b[1] - a[1]);
    return falling.flatMap(([word, count], place) => [
      `${place ? ", " : ""}${count} `,
      makeName(this.data.words[word]),
    ]);
  }

  show(i) {
    this.box.hidden = i < 0;
    const list = this.box.querySelector("ol");
    list.replaceChildren();
    for (let j = i * this.data.k; i >= 0 && j < (i + 1) * this.data.k; j += 1) {
      const image = this.index[j];
      const item = document.createElement("li");
      const file = makeFileName(this.data.files[image]);
      const text = document.createElement("span");
      const similarity = (this.similarity[j] - 100) / 100;
      const mark = this.data.counted ? " " : "; similarity "; // two numbers are told apart
      text.append(makeName(this.data.names[this.labels[image]]), `${mark}${similarity.toFixed(2)}`);
      text.append(document.createElement("br"), file);
      item.append(this.draw(image), text);
      list.append(item);
    }
  }

  draw(image) {
    const tile = this.tileOf.get(image);
    if (tile === undefined) {
      const none = document.createElement("span");
      none.className = "tile gone";
      none.textContent = "no thumbnail";
      return none;
    }
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    const size = this.data.tile;
    const left = (tile % this.data.columns) * size;
    const top = Math.floor(tile / this.data.columns) * size;
    picture.setAttribute("class", "tile");
    picture.setAttribute("viewBox", `${left} ${top} ${size} ${size}`);
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", `Thumbnail of ${this.data.files[image]}`);
    const use = document.createElementNS(space, "use");
    use.setAttribute("href", "#training-sheet");
    picture.append(use);
    return picture;
  }
}

function numberTiles(packed) {
  const tileOf = new Map();
  if (packed !== null) unpack(packed, Uint32Array).forEach((image, tile) => tileOf.set(image, tile));
  return tileOf;
}
