/** The experiments of the lab, in the order of the article. */
import { crossing } from './experiment/crossing.js';
import type { Experiment } from './experiment.js';

export const experiments: readonly Experiment[] = [crossing];
