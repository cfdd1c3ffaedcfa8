// Okabe and Ito's colours, which the colour-blind tell apart, in the order of Python's `palette`. Pure.
// Every region also has a number, because seven colours are not enough for everybody and everything.

const COLOURS = [
  [86, 180, 233], [230, 159, 0], [240, 228, 66], [0, 158, 115], [213, 94, 0], [204, 121, 167], [0, 114, 178],
];

export const shade = (index) => COLOURS[index % COLOURS.length];

export const css = ([red, green, blue], alpha = 1) => `rgb(${red} ${green} ${blue} / ${alpha})`;

/** Black or white, whichever has more contrast on a colour (WCAG 2.2, relative luminance). */
export function inkOn(colour) {
  const [red, green, blue] = colour.map((value) => (value / 255 > 0.04045 ? ((value / 255 + 0.055) / 1.055) ** 2.4 : value / 255 / 12.92));
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "#000" : "#fff";
}
