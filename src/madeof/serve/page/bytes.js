// Two file formats, written by hand because that is shorter than a library: grey PNG, and ZIP without compression. Pure.

const CRC = new Uint32Array(256).map((_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

export function crc32(bytes, crc = 0) {
  crc = ~crc;
  for (let i = 0; i < bytes.length; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * A grey PNG. A browser's own writer makes colours of a label map's numbers; this one keeps them.
 * @param {Uint8Array | Uint16Array} pixels row by row; 8 or 16 bits as they come
 * @returns {Promise<Uint8Array>}
 */
export async function greyPng(pixels, width, height) {
  const size = pixels.BYTES_PER_ELEMENT;
  const rows = new Uint8Array(height * (1 + width * size)); // each row begins with its filter: 0, none
  for (let y = 0; y < height; y++) {
    const row = y * (1 + width * size) + 1;
    if (size === 1) rows.set(pixels.subarray(y * width, (y + 1) * width), row);
    else for (let x = 0; x < width; x++) rows.set(big(pixels[y * width + x], 2), row + 2 * x);
  }
  const packed = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const header = [...big(width, 4), ...big(height, 4), 8 * size, 0, 0, 0, 0];
  return joinBytes([
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    chunk("IHDR", new Uint8Array(header)),
    chunk("IDAT", new Uint8Array(await new Response(packed).arrayBuffer())),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function chunk(kind, data) {
  const named = joinBytes([new TextEncoder().encode(kind), data]);
  return joinBytes([big(data.length, 4), named, big(crc32(named), 4)]);
}

/**
 * A ZIP file of some files, as they are: photos are compressed already.
 * @param {{name: string, bytes: Uint8Array}[]} files
 * @returns {Blob}
 */
export function zip(files) {
  const [parts, directory] = [[], []];
  let [at, listed] = [0, 0];
  for (const { name, bytes } of files) {
    const path = new TextEncoder().encode(name);
    const utf8 = 0x0800;
    const day = (1 << 5) | 1; // 1 January 1980: the same regions always give the same file
    const about = [
      ...little(utf8, 2), ...little(0, 2), ...little(0, 2), ...little(day, 2), ...little(crc32(bytes), 4),
      ...little(bytes.length, 4), ...little(bytes.length, 4), ...little(path.length, 2), ...little(0, 2),
    ];
    const start = joinBytes([[0x50, 0x4b, 3, 4], little(20, 2), about, path]);
    const entry = joinBytes([
      [0x50, 0x4b, 1, 2], little(20, 2), little(20, 2), about, little(0, 2), little(0, 2), little(0, 2), little(0, 4),
      little(at, 4), path,
    ]);
    parts.push(start, bytes);
    directory.push(entry);
    at += start.length + bytes.length;
    listed += entry.length;
  }
  if (at + listed >= 2 ** 32) throw new RangeError("the data set is over 4 GB, more than a ZIP file holds: export fewer photos");
  const end = joinBytes([
    [0x50, 0x4b, 5, 6], little(0, 2), little(0, 2), little(files.length, 2), little(files.length, 2),
    little(listed, 4), little(at, 4), little(0, 2),
  ]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

const little = (value, count) => Array.from({ length: count }, (_, i) => (value >>> (8 * i)) & 255);
const big = (value, count) => little(value, count).reverse();

function joinBytes(parts) {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
