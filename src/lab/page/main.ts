/** The page's entry. */
import { viewOf } from './address.js';
import { Lab } from './lab.js';
import { Performer } from './performer.js';

const read = () => viewOf(location.hash, navigator.languages);
const lab = new Lab(document.querySelector('#lab')!, new Performer(), ...read());
addEventListener('hashchange', () => lab.go(...read()));
