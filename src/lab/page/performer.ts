/** The worker that runs plays and tokens and reads transcripts: questions, and answers. */
import type { Play, Take } from './take.js';

export interface Performer {
  perform(play: Play): Promise<Take>;
  /** The guests that the token may name beside the page's own. */
  replay(token: string, guests: readonly Uint8Array<ArrayBuffer>[]): Promise<Take>;
  transcript(text: string): Promise<Take>;
}
