/** The experiments of the lab, in the order of the article. */
import type { Experiment } from './experiment.js';

export const experiments: readonly Experiment[] = [];
