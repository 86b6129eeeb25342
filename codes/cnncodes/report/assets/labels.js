
/* Marks of a multi-label classifier's map: how many labels are wrong, or of one label whether it is. */

class LabelMarks {
  constructor(data) {
    this.data = data;
    this.width = Math.ceil(data.labels.length / 8);
    this.truth = unpack(data.truth, Uint8Array);
    this.named = unpack(data.named, Uint8Array);
    this.wrong = new Uint16Array(data.n);
    for (let i = 0; i < data.n; i += 1) {
      for (let label = 0; label < data.labels.length; label += 1) {
        this.wrong[i] += this.has(this.truth, i, label) !== this.has(this.named, i, label) ? 1 : 0;
      }
    }
    this.choose(-1);
  }

  has(bits, i, label) {
    return (bits[i * this.width + (label >> 3)] >> (7 - (label & 7))) & 1;
  }

  list(bits, i) {
    return this.data.labels.filter((_, label) => this.has(bits, i, label));
  }

  options() {
    const names = this.data.labels.map((title, label) => {
      let count = 0;
      for (let i = 0; i < this.data.n; i += 1) count += this.has(this.truth, i, label);
      return [label, `\u2068${title}\u2069 (${count})`];
    });
    return [[-1, "all labels"], ...names];
  }

  choose(wanted) {
    this.label = wanted;
    this.groups = wanted < 0 ? 4 : 3;
  }

  groupOf(i) {
    if (this.label < 0) return Math.min(3, this.wrong[i]);
    if (!this.has(this.truth, i, this.label)) return 2;
    return this.has(this.named, i, this.label) ? 0 : 1;
  }

  colorOf(group) {
    return colorOf(this.label < 0 ? [0, 4, 1, 6][group] : [0, 1, 3][group], 8);
  }

  isCross(i) {
    if (this.label < 0) return this.wrong[i] > 0;
    return this.has(this.truth, i, this.label) !== this.has(this.named, i, this.label);
  }

  fits(i, wanted, crosses) {
    const isOf = wanted < 0 || this.has(this.truth, i, wanted) || this.has(this.named, i, wanted);
    return isOf && (!crosses || this.isCross(i));
  }

  sayShown(wanted) {
    return wanted >= 0 ? " that have the label or were said to" : "";
  }

  legend() {
    const said =
      this.label < 0
        ? ["all labels right", "1 wrong or missing", "2 wrong or missing", "3 or more"]
        : ["has it, and it was named", "has it, and it is missing", "has it not, and it was named"];
    return said.map((text, group) => [this.colorOf(group), text]);
  }

  describe(i) {
    const names = (bits) => {
      const found = this.list(bits, i);
      if (!found.length) return ["no label"];
      return found.flatMap((title, k) => [k ? ", " : "", makeName(title)]);
    };
    const isWrong = this.wrong[i] > 0;
    const verdict = makeVerdict(isWrong ? `${this.wrong[i]} wrong or missing` : "Right", isWrong);
    return [verdict, ": named ", ...names(this.named), "; has ", ...names(this.truth), ". "];
  }
}
