
/* Marks of a regressor's map: a number is the colour, and a cross what is far off. */

const STEPS = 8;

function sayNumber(value, digits = 4) {
  return value.toLocaleString("en", { maximumSignificantDigits: digits }).replace("-", "\u2212");
}

class NumberMarks {
  constructor(data) {
    this.data = data;
    this.truth = unpack(data.truth, Float32Array);
    this.predicted = unpack(data.predicted, Float32Array);
    this.far = unpack(data.far, Uint8Array);
    const errors = this.truth.map((value, i) => Math.abs(this.predicted[i] - value));
    this.choices = [
      ["true number", this.truth],
      ["predicted number", this.predicted],
      ["size of the error", errors],
    ];
    this.choose(0);
  }

  options() {
    return this.choices.map(([title], i) => [i, title]);
  }

  /* Steps of equal width between the 2nd and the 98th percentile; of few values one each. */
  choose(wanted) {
    this.values = this.choices[wanted][1];
    const sorted = Float32Array.from(this.values).sort();
    const distinct = Array.from(new Set(sorted));
    this.isFew = distinct.length <= STEPS;
    if (this.isFew) {
      this.starts = distinct;
    } else {
      const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
      const [low, high] = at(0.02) < at(0.98) ? [at(0.02), at(0.98)] : [at(0), at(1)];
      this.starts = Array.from({ length: STEPS }, (_, k) => low + ((high - low) * k) / STEPS);
      this.end = high;
    }
    this.groups = this.starts.length;
  }

  groupOf(i) {
    let group = this.groups - 1;
    while (group > 0 && this.values[i] < this.starts[group]) group -= 1;
    return group;
  }

  colorOf(group) {
    return scaleColor(group, this.groups);
  }

  isCross(i) {
    return this.far[i] === 1;
  }

  fits(i, _wanted, crosses) {
    return !crosses || this.isCross(i);
  }

  sayShown() {
    return "";
  }

  legend() {
    return this.starts.map((start, k) => {
      const next = this.starts[k + 1];
      if (this.isFew) return [this.colorOf(k), sayNumber(start)];
      if (k === 0) return [this.colorOf(k), `below ${sayNumber(next, 3)}`];
      if (next === undefined) return [this.colorOf(k), `${sayNumber(start, 3)} and more`];
      return [this.colorOf(k), `${sayNumber(start, 3)} to ${sayNumber(next, 3)}`];
    });
  }

  describe(i) {
    const error = this.predicted[i] - this.truth[i];
    const off = `${error > 0 ? "+" : ""}${sayNumber(error)}`;
    const verdict = makeVerdict(this.isCross(i) ? this.data.cross : this.data.square, this.isCross(i));
    return [verdict, `: predicted ${sayNumber(this.predicted[i])}, is ${sayNumber(this.truth[i])} (${off}). `];
  }
}
