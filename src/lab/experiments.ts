/** The experiments of the lab, in the order of the article. */
import { blocked } from './experiment/blocked.js';
import { buffered } from './experiment/buffered.js';
import { busy } from './experiment/busy.js';
import { crossing } from './experiment/crossing.js';
import { mouse } from './experiment/mouse.js';
import { multiplexing } from './experiment/multiplexing.js';
import { phases } from './experiment/phases.js';
import { ready } from './experiment/ready.js';
import { serving } from './experiment/serving.js';
import { switching } from './experiment/switch.js';
import { synchronous } from './experiment/synchronous.js';
import { tasks } from './experiment/tasks.js';
import { watched } from './experiment/watched.js';
import type { Experiment } from './experiment.js';

export const experiments: readonly Experiment[] = [
  crossing,
  switching,
  blocked,
  buffered,
  phases,
  busy,
  watched,
  ready,
  multiplexing,
  serving,
  tasks,
  mouse,
  synchronous,
];
