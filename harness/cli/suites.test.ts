import assert from 'node:assert/strict';
import Mocha, { after, describe, it } from 'mocha';
import { registeredCases, type RegisteredCase } from '../lifecycle/test-case.ts';
import { casesThatRun } from './suites.ts';

describe("Mocha's selection", () => {
  const registry = registeredCases() as Map<string, RegisteredCase>;
  const added: string[] = [];
  const suite = new Mocha.Suite('Topic');
  const nested = Mocha.Suite.create(suite, 'one way');
  const test = (title: string, into: Mocha.Suite): void =>
    void into.addTest(new Mocha.Test(title, () => undefined));
  const ids = (grep?: RegExp, invert?: boolean): string[] =>
    casesThatRun(suite, grep, invert).map(({ id }) => id);

  after(() => {
    for (const id of added) registry.delete(id);
  });

  it('is followed by full title, also inverted', () => {
    test('TST-01 refuses', nested);
    test('TST-02 alarms', suite);
    for (const title of ['TST-01 refuses', 'TST-02 alarms', 'TST-03 elsewhere']) register(title);
    assert.deepEqual(ids(), ['TST-01', 'TST-02']);
    assert.deepEqual(ids(/TST-02 /), ['TST-02']);
    assert.deepEqual(ids(/one way/), ['TST-01']);
    assert.deepEqual(ids(/one way/, true), ['TST-02']);
    assert.deepEqual(ids(/nothing/), []);
    assert.deepEqual(ids(/TST/g), ['TST-01', 'TST-02'], 'a sticky or global pattern has no memory');
  });

  /** Into the registry alone: mocha is running already and shall not run it. */
  function register(title: string): void {
    const [id = ''] = title.split(' ');
    registry.set(id, { id, title, plan: { needs: [] } });
    added.push(id);
  }
});
