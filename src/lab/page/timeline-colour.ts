/** The colours of a timeline: custom properties of its stylesheet, as a canvas takes them. */

const NAMES = [
  'text',
  'faint',
  'line',
  'runs',
  'kernel',
  'blocked',
  'idle',
  'hatch',
  'wait',
  'copy',
  'none',
  'on',
  'segment',
  'action',
  'cursor',
  'chosen',
  'paper',
] as const;

export type Colours = Readonly<Record<(typeof NAMES)[number], string>>;

/** What `--timeline-NAME` comes to in `element`: only a property that is a colour is resolved. */
export function coloursOf(element: HTMLElement): Colours {
  const probe = document.createElement('i');
  probe.hidden = true;
  element.append(probe);
  const colours = Object.fromEntries(
    NAMES.map((name) => {
      probe.style.color = `var(--timeline-${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return colours as Colours;
}

/** Stripes, so that a blocked process is not told by its grey alone. */
export function hatch(context: CanvasRenderingContext2D, colours: Colours): CanvasPattern {
  const tile = document.createElement('canvas');
  const side = 6;
  tile.width = tile.height = side;
  const pen = tile.getContext('2d')!;
  pen.fillStyle = colours.blocked;
  pen.fillRect(0, 0, side, side);
  pen.strokeStyle = colours.hatch;
  pen.lineWidth = 1.25;
  pen.beginPath();
  for (const at of [-side, 0, side]) {
    pen.moveTo(at - 1, side + 1);
    pen.lineTo(at + side + 1, -1);
  }
  pen.stroke();
  return context.createPattern(tile, 'repeat')!;
}
