/** The experiments of the lab, in the order of the article. */
import { blocked } from './experiment/blocked.js';
import { buffered } from './experiment/buffered.js';
import { busy } from './experiment/busy.js';
import { crossing } from './experiment/crossing.js';
import { switching } from './experiment/switch.js';
import type { Experiment } from './experiment.js';

export const experiments: readonly Experiment[] = [crossing, switching, blocked, busy, buffered];
