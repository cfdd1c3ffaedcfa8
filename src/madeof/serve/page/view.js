// Which part of the photo is shown, and how large. Pure.
//
// A view maps a pixel of the photo to a point of the screen: screen = photo * scale + (x, y).

/** @typedef {{scale: number, x: number, y: number}} View */

const MOST = 40; // screen pixels a pixel

/** The whole photo, in the middle of the frame. */
export function fit(photo, frame, margin = 16) {
  const room = [Math.max(40, frame.width - 2 * margin), Math.max(40, frame.height - 2 * margin)];
  const scale = Math.min(room[0] / photo.width, room[1] / photo.height, MOST);
  return { scale, x: (frame.width - photo.width * scale) / 2, y: (frame.height - photo.height * scale) / 2 };
}

export const toPhoto = (view, [x, y]) => [(x - view.x) / view.scale, (y - view.y) / view.scale];
export const toScreen = (view, [x, y]) => [x * view.scale + view.x, y * view.scale + view.y];

/** Zoom by a factor; the photo's pixel under the screen's point stays there. */
export function zoom(view, factor, [x, y], photo, frame) {
  const least = Math.min(1, fit(photo, frame).scale) / 2;
  const scale = Math.min(MOST, Math.max(least, view.scale * factor));
  const change = scale / view.scale;
  return pan({ scale, x: x - (x - view.x) * change, y: y - (y - view.y) * change }, [0, 0], photo, frame);
}

/** Move by screen pixels; a part of the photo stays in the frame. */
export function pan(view, [dx, dy], photo, frame) {
  const keep = 48;
  const within = (at, size, room) => Math.min(room - keep, Math.max(keep - size, at));
  return {
    scale: view.scale,
    x: within(view.x + dx, photo.width * view.scale, frame.width),
    y: within(view.y + dy, photo.height * view.scale, frame.height),
  };
}

/** Move as little as is needed to bring a point of the photo into the frame. */
export function reveal(view, point, photo, frame, margin = 32) {
  const [x, y] = toScreen(view, point);
  const by = (at, room) => (at < margin ? margin - at : at > room - margin ? room - margin - at : 0);
  const step = [by(x, frame.width), by(y, frame.height)];
  return step[0] || step[1] ? pan(view, step, photo, frame) : view;
}
