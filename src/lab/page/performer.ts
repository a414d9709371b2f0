/** Who runs plays and tokens and reads transcripts, elsewhere than in the page's own thread. */
import type { Play, Take } from './take.js';

export interface Performer {
  perform(play: Play): Promise<Take>;
  /** The guests are those that the token may name beside the page's own. */
  replay(token: string, guests: readonly Uint8Array<ArrayBuffer>[]): Promise<Take>;
  transcript(file: File): Promise<Take>;
}
