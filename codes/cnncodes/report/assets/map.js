
/* The map of codes: what mouse, keys and controls do to what is shown of it and said about it. */

class CodeMap {
  constructor(data) {
    this.data = data;
    this.subject = new { classes: ClassMarks, numbers: NumberMarks, labels: LabelMarks }[data.kind](data);
    this.view = new MapView(data, document.getElementById("map"), this.subject);
    this.card = new MapCard(data, this.view);
    this.listOptions();
    this.filter();
    this.listen();
    this.view.resize();
  }

  listOptions() {
    for (const [value, title] of this.subject.options()) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = title;
      document.getElementById("map-class").append(option);
    }
  }

  drawLegend() {
    const legend = document.getElementById("map-legend");
    legend.replaceChildren();
    for (const [color, title] of this.subject.legend()) {
      const item = document.createElement("li");
      if (color !== null) {
        const swatch = document.createElement("span");
        swatch.style.background = color;
        item.append(swatch);
      }
      item.append(makeName(title));
      legend.append(item);
    }
  }

  filter() {
    const wanted = Number(document.getElementById("map-class").value);
    const crosses = document.getElementById("map-mistakes").checked;
    this.subject.choose(wanted);
    let count = 0;
    for (let i = 0; i < this.data.n; i += 1) {
      this.view.shown[i] = this.subject.fits(i, wanted, crosses) ? 1 : 0;
      count += this.view.shown[i];
    }
    if (this.view.chosen >= 0 && !this.view.shown[this.view.chosen]) this.choose(-1);
    const whose = this.subject.sayShown(wanted, crosses);
    document.getElementById("map-count").textContent =
      `${count.toLocaleString("en")} of ${this.data.n.toLocaleString("en")} images shown${whose}.`;
    this.drawLegend();
    this.view.regroup();
    this.view.redraw();
  }

  choose(i) {
    if (i === this.view.chosen) return;
    this.view.chosen = i;
    this.card.show();
    this.view.show();
  }

  listen() {
    const { canvas } = this.view;
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
        this.view.panBy(px - held[0], py - held[1]);
        held = [px, py];
        return;
      }
      const near = this.view.findNear(px, py, 14);
      if (near >= 0) this.choose(near);
    });
    canvas.addEventListener("pointerup", (event) => {
      held = null;
      const near = this.view.findNear(...place(event), 18);
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
        this.view.zoomBy(Math.exp(-event.deltaY / 400), ...place(event));
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => this.press(event));
    document.getElementById("map-in").addEventListener("click", () => this.view.zoomBy(1.5));
    document.getElementById("map-out").addEventListener("click", () => this.view.zoomBy(1 / 1.5));
    document.getElementById("map-whole").addEventListener("click", () => {
      this.view.showAll();
      this.view.redraw();
    });
    document.getElementById("map-class").addEventListener("change", () => this.filter());
    document.getElementById("map-mistakes").addEventListener("change", () => this.filter());
    new ResizeObserver(() => this.view.resize()).observe(canvas);
    onScheme(() => {
      this.drawLegend();
      this.view.redraw();
    });
  }

  press(event) {
    const arrows = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    const arrow = arrows[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (arrow && event.shiftKey) {
      this.view.panBy(-60 * arrow[0], -60 * arrow[1]);
    } else if (arrow) {
      const next = this.view.findNext(...arrow);
      if (next >= 0) {
        this.choose(next);
        this.view.follow();
      }
    } else if (event.key === "+" || event.key === "=") {
      this.zoomAtChosen(1.5);
    } else if (event.key === "-") {
      this.zoomAtChosen(1 / 1.5);
    } else if (event.key === "0") {
      this.view.showAll();
      this.view.redraw();
    } else {
      return;
    }
    event.preventDefault();
  }

  zoomAtChosen(factor) {
    if (this.view.chosen >= 0) this.view.zoomBy(factor, ...this.view.toScreen(this.view.chosen));
    else this.view.zoomBy(factor);
  }
}

const mapData = readData("map-data");
if (mapData) new CodeMap(mapData);
