/** The devices of the experiment `mouse`: pipes, by which a thread that presses tells of it. */

/** What a device tells: the nanosecond at which it was pressed, as a u64. */
export const EVENT_BYTES = 8;
/** No press, but the last that a device tells. */
export const UNPLUGGED = 0n;

/** What a device is, by its index: of two, one is a mouse and one a keyboard. */
export const MOUSE = 0;
export const KEYBOARD = 1;

/** A press of a button or a key. */
export interface Press {
  /** How long the hand rests before. */
  pauseMs: number;
  /** The index of a device. */
  device: number;
}
