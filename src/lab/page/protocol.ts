/**
 * What the page and its worker say to each other. The page asks, by a number; the worker answers
 * each question once, in the order in which they came, with a take or with a sentence that says
 * what was wrong.
 */
import type { Play, Take } from './take.js';

export type Question =
  | { readonly id: number; readonly kind: 'play'; readonly play: Play }
  | {
      readonly id: number;
      readonly kind: 'replay';
      readonly token: string;
      /** A guest that the page has not, as a person has given it. */
      readonly guest?: { readonly name: string; readonly bytes: Uint8Array };
    };

export type Answer =
  | { readonly id: number; readonly kind: 'take'; readonly take: Take }
  | { readonly id: number; readonly kind: 'error'; readonly message: string };
