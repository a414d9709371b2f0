/** The page. */
import { Performer } from './performer.js';

const performer = new Performer();
const take = await performer.play({ model: 'epoll', language: 'c', seed: 0, deeds: [] });
document.querySelector('#take')!.textContent = JSON.stringify(take, undefined, 2);
