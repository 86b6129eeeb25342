
/* Marks are put on the map pixel by pixel, from a stamp for each class and kind: without a graphics card, canvas
   takes half a second for 50,000 of them. */

class Stamp {
  constructor(color, size, ratio, isCross) {
    const side = Math.ceil(2 * (size + 2) * ratio);
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.setTransform(ratio, 0, 0, ratio, side / 2, side / 2);
    pen.fillStyle = pen.strokeStyle = color;
    pen.lineWidth = 1.6;
    if (isCross) {
      pen.beginPath();
      pen.moveTo(-size, -size);
      pen.lineTo(size, size);
      pen.moveTo(-size, size);
      pen.lineTo(size, -size);
      pen.stroke();
    } else {
      pen.fillRect(-size / 2, -size / 2, size, size);
    }
    this.middle = side / 2;
    const bytes = pen.getImageData(0, 0, side, side).data;
    const points = [];
    for (let k = 0; k < side * side; k += 1) {
      if (bytes[4 * k + 3]) points.push(k % side, Math.floor(k / side), ...bytes.subarray(4 * k, 4 * k + 4));
    }
    this.points = Int16Array.from(points); // six numbers each: place, color, opacity
  }

  press(image, px, py) {
    const left = Math.round(px - this.middle);
    const top = Math.round(py - this.middle);
    const { data, width, height } = image;
    const { points } = this;
    for (let k = 0; k < points.length; k += 6) {
      const x = left + points[k];
      const y = top + points[k + 1];
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const at = 4 * (y * width + x);
      const alpha = points[k + 5];
      const under = (data[at + 3] * (255 - alpha)) / 255; // what is seen of the mark below
      const whole = alpha + under;
      for (let c = 0; c < 3; c += 1) data[at + c] = (points[k + 2 + c] * alpha + data[at + c] * under) / whole;
      data[at + 3] = whole;
    }
  }
}
