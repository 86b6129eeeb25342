
/* Colours of marks, for a light and a dark page: of classes, and of numbers, where more stands out more. */

const COLORS = {
  light: ["#0072b2", "#b84a00", "#00795a", "#8f3f86", "#8a6500", "#5b4bc4", "#a3203c", "#4b5560"],
  dark: ["#56b4e9", "#f08c32", "#2fc79a", "#e08fd0", "#e8c547", "#a99bff", "#ff8095", "#b9c2cb"],
};

const SCALES = {
  light: ["#c98a00", "#d0572b", "#a92c63", "#5f1f86", "#160b3a"],
  dark: ["#7667e0", "#b95cc0", "#f0707a", "#fbae62", "#fdf6b8"],
};

function colorOf(index, count) {
  const few = isDark() ? COLORS.dark : COLORS.light;
  if (count <= few.length) return few[index];
  const lightness = (isDark() ? 58 : 34) + 8 * (index % 3);
  return `hsl(${(index * 137.508) % 360} ${isDark() ? 65 : 70}% ${lightness}%)`;
}

function scaleColor(index, count) {
  const anchors = isDark() ? SCALES.dark : SCALES.light;
  const place = count > 1 ? (index * (anchors.length - 1)) / (count - 1) : 0;
  const below = Math.min(anchors.length - 2, Math.floor(place));
  const part = (anchor, k) => parseInt(anchor.slice(1 + 2 * k, 3 + 2 * k), 16);
  const mixed = [0, 1, 2].map((k) => {
    const from = part(anchors[below], k);
    return Math.round(from + (part(anchors[below + 1], k) - from) * (place - below));
  });
  return `rgb(${mixed.join(" ")})`;
}

function makeVerdict(text, isWrong) {
  const verdict = document.createElement("span");
  verdict.className = isWrong ? "is-wrong" : "is-right";
  verdict.textContent = text;
  return verdict;
}

function makeName(text) {
  const name = document.createElement("bdi");
  name.textContent = text;
  return name;
}

// A long one is broken after a slash, and not within a name.
function makeFileName(key) {
  const name = document.createElement("bdi");
  name.className = "file";
  key.split("/").forEach((part, i, parts) => {
    name.append(i < parts.length - 1 ? `${part}/` : part);
    if (i < parts.length - 1) name.append(document.createElement("wbr"));
  });
  return name;
}
