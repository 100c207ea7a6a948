// Pictures in and out: of files and `data:` URLs to numbers, and of numbers to a PNG.

/** Red, green and blue from 0 to 1 of each pixel, after the picture was made `width` by `height`. Null where it cannot be read. */
export async function readPicture(url: string, width: number, height: number): Promise<Float32Array | null> {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    return null;
  }
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  context.imageSmoothingQuality = "high";
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(image, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const out = new Float32Array(width * height * 3);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) out[3 * i + c] = (data[4 * i + c] as number) / 255;
  return out;
}

/** Shades of `channels` per pixel: one is the brightness (ITU-R BT.601), three are the colours as they are. */
export function shades(rgb: Float32Array, channels: number): Float32Array {
  if (channels === 3) return rgb;
  const out = new Float32Array(rgb.length / 3);
  for (let i = 0; i < out.length; i++) out[i] = 0.299 * (rgb[3 * i] as number) + 0.587 * (rgb[3 * i + 1] as number) + 0.114 * (rgb[3 * i + 2] as number);
  return out;
}

/** Paints shades (0 to 1, row by row, channel by channel) on a canvas of their own size. */
export function paint(canvas: HTMLCanvasElement, values: ArrayLike<number>, width: number, height: number, channels: number): void {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = Math.round(255 * (values[channels === 1 ? i : channels * i + c] ?? 0));
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Gives the reader a file with what the canvas shows. */
export function savePng(canvas: HTMLCanvasElement, name: string): void {
  canvas.toBlob((blob) => {
    if (!blob) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  }, "image/png");
}
