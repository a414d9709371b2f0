/** The page of a report: the verdicts in short, then each experiment with its charts and tables. */
import type { Results } from '../results.js';
import { article } from './article.js';
import colours from './colour.css?inline';
import { markup, Markup } from './markup.js';
import style from './page.css?inline';
import { badge, standings, standingOf } from './standing.js';

const GIBIBYTE = 2 ** 30;
const dates = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'long',
  timeStyle: 'short',
  timeZone: 'UTC',
});

function machine({ machine, pollux, quick }: Results): Markup {
  const { cpu, cores, memoryBytes, kernel, node, date } = machine;
  const rows = [
    ['Processor', `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}`],
    ['Memory', `${(memoryBytes / GIBIBYTE).toFixed(1)} GiB`],
    ['Kernel', kernel],
    ['Node', node],
    ['Pollux', pollux],
    ['Measured', `${dates.format(new Date(date))} UTC${quick ? ', with --quick' : ''}`],
  ];
  return markup`<dl class="machine">
${rows.map(([term, words]) => markup`<div><dt>${term}</dt><dd>${words}</dd></div>`)}
</dl>`;
}

function summary({ experiments }: Results): Markup {
  const counts = standings.flatMap((standing) => {
    const count = experiments.filter((each) => standingOf(each) === standing).length;
    return count === 0 ? [] : [markup`<li>${badge(standing)} <b>${count}</b></li>`];
  });
  const rows = experiments.map(
    (each) => markup`<li>
<a href="#${each.name}">${each.title}</a>
<span>${each.claim}</span>
${badge(standingOf(each))}
</li>`,
  );
  return markup`<section aria-labelledby="summary">
<h2 id="summary">What held</h2>
<ul class="counts">
${counts}
</ul>
<ol class="summary">
${rows}
</ol>
</section>`;
}

export function page(results: Results): string {
  const { cpu } = results.machine;
  const link = `data:application/json;charset=utf-8,${encodeURIComponent(JSON.stringify(results))}`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>What the article says, measured: ${cpu}</title>
<style>
${new Markup(colours + style)}
</style>
</head>
<body>
<header>
<p class="kicker">Pollux · lab report</p>
<h1>What the article says, measured</h1>
<p class="lead">Each claim about processes, I/O models, select, poll and epoll is an experiment on a
real kernel. A verdict follows from its numbers alone, with their 95 % confidence intervals.</p>
${machine(results)}
</header>
<main>
${summary(results)}
${results.experiments.map(article)}
</main>
<footer>
<p>Written by <code>pollux lab report</code>, from what <code>pollux lab run</code> measured. The
numbers are in this file: <a download="pollux-lab.json" href="${link}">save them as JSON</a>.</p>
</footer>
</body>
</html>
`.text;
}
