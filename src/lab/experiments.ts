/** The experiments of the lab, in the order of the article. */
import { crossing } from './experiment/crossing.js';
import { mouse } from './experiment/mouse.js';
import { multiplexing } from './experiment/multiplexing.js';
import { serving } from './experiment/serving.js';
import { tasks } from './experiment/tasks.js';
import type { Experiment } from './experiment.js';

export const experiments: readonly Experiment[] = [crossing, multiplexing, serving, tasks, mouse];
