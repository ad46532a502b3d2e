// A reporter for node:test that prints flat TAP, one line a test however deep it is nested, so
// that prove counts every test. Details of a failure go to stderr, which prove lets through.
import { inspect } from 'node:util';

const plain = (name) => name.replaceAll('\\', '\\\\').replaceAll('#', '\\#').replaceAll(/\s+/g, ' ');

const directive = (word, value) => {
  if (value === undefined || value === false) return '';
  return ` # ${word}${typeof value === 'string' ? ` ${value.replaceAll(/\s+/g, ' ')}` : ''}`;
};

export default async function* tap(source) {
  const path = [];
  let count = 0;

  yield 'TAP version 13\n';
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      path.length = data.nesting;
      path.push(data.name);
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;

    const error = data.details?.error;
    const passed = type === 'test:pass';
    // A suite is no test, unless it failed by itself, in a hook for instance.
    if (data.details?.type === 'suite' && (passed || error?.failureType === 'subtestsFailed')) {
      if (data.skip === undefined || data.skip === false) continue;
    }
    count += 1;
    const name = [...path.slice(0, data.nesting), data.name].join(' > ');
    const result = passed ? 'ok' : 'not ok';
    yield `${result} ${count} - ${plain(name)}${directive('SKIP', data.skip)}${directive('TODO', data.todo)}\n`;
    if (!passed) {
      const details = error?.failureType === 'subtestsFailed' ? error.message : inspect(error?.cause ?? error);
      process.stderr.write(`\nnot ok - ${name}\n${details.replaceAll(/^/gm, '  ')}\n`);
    }
  }
  if (count === 0) yield `not ok ${(count += 1)} - the file has no test\n`;
  yield `1..${count}\n`;
}
