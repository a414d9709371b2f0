/**
 * The report of a run of the lab, as one page of HTML that needs nothing else, not even a script;
 * and one of its charts as a picture of its own.
 */
import type { Rendering } from '../rendering.js';
import { page } from './page.js';
import { picture } from './picture.js';

export const rendering: Rendering = { page, picture };
