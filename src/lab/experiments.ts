/** The experiments of the lab, in the order of the article. */
import { crossing } from './experiment/crossing.js';
import { phases } from './experiment/phases.js';
import { ready } from './experiment/ready.js';
import { synchronous } from './experiment/synchronous.js';
import { watched } from './experiment/watched.js';
import type { Experiment } from './experiment.js';

export const experiments: readonly Experiment[] = [crossing, phases, watched, ready, synchronous];
