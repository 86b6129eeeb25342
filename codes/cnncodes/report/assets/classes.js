
/* Marks of a classifier's map: the true class is the colour, a wrong answer a cross. */

class ClassMarks {
  constructor(data) {
    this.data = data;
    this.truth = unpack(data.truth, Uint16Array);
    this.predicted = unpack(data.predicted, Uint16Array);
    this.probability = data.probability === null ? null : unpack(data.probability, Uint16Array);
    this.groups = data.classes.length;
  }

  options() {
    const counts = new Uint32Array(this.groups);
    for (const index of this.truth) counts[index] += 1;
    // A name from right to left turns nothing else.
    const names = this.data.classes.map((title, i) => [i, `\u2068${title}\u2069 (${counts[i]})`]);
    return [[-1, "all classes"], ...names];
  }

  choose() {}

  groupOf(i) {
    return this.truth[i];
  }

  colorOf(group) {
    return colorOf(group, this.groups);
  }

  isCross(i) {
    return this.truth[i] !== this.predicted[i];
  }

  fits(i, wanted, crosses) {
    const isOf = wanted < 0 || this.truth[i] === wanted || (crosses && this.predicted[i] === wanted);
    return isOf && (!crosses || this.isCross(i));
  }

  sayShown(wanted, crosses) {
    return crosses && wanted >= 0 ? " that are of the class or were taken for it" : "";
  }

  legend() {
    const shown = this.data.classes.slice(0, 20).map((title, i) => [this.colorOf(i), title]);
    return this.groups > 20 ? [...shown, [null, `and ${this.groups - 20} more; colours repeat nearly`]] : shown;
  }

  describe(i) {
    const isWrong = this.isCross(i);
    const given = makeName(this.data.classes[this.predicted[i]] || "no class");
    const truth = makeName(this.data.classes[this.truth[i]]);
    const sure = this.probability === null ? "" : ` (${(this.probability[i] / 65535).toFixed(2)})`;
    return [makeVerdict(isWrong ? "Wrong" : "Right", isWrong), ": predicted ", given, `${sure}, is `, truth, ". "];
  }
}
