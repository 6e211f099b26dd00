import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { before, describe, it } from 'mocha';
import { loadCatalogue, type Catalogue } from '../harness/catalogue/index.ts';
import { loadSuites } from '../harness/cli/suites.ts';
import { missingNeeds } from '../harness/lifecycle/needs.ts';
import { registeredCases } from '../harness/lifecycle/test-case.ts';
import type { BoardFile } from '../harness/board/index.ts';

describe('suites and catalogue', () => {
  let catalogue: Catalogue;
  before(async () => {
    catalogue = await loadCatalogue(fileURLToPath(new URL('catalogue', import.meta.url)));
    await loadSuites();
  });

  it('hold the same cases: what is registered is built, and what is built is registered', () => {
    const built = catalogue.cases.filter((one) => one.built).map(({ id }) => id);
    assert.deepEqual([...registeredCases().keys()].sort(), built.sort());
  });

  it('call each case by the same title', () => {
    const differing = [...registeredCases().values()].flatMap(({ id, title }) => {
      const described = catalogue.case(id).title;
      return described === title ? [] : [`${id}: suite “${title}”, catalogue “${described}”`];
    });
    assert.deepEqual(differing, []);
  });

  it('turn every need that an empty board misses into words and a next step', () => {
    const empty = { profile: {}, images: {}, keys: {} } as unknown as BoardFile;
    for (const { id, plan } of registeredCases().values()) {
      assert.ok(plan.needs.length > 0, `${id} needs nothing, and so would run on nothing`);
      const missing = missingNeeds(plan.needs, empty);
      assert.equal(missing.length, plan.needs.length, `${id}: a need that nothing checks`);
      for (const { what, next } of missing) assert.ok(what.length > 5 && next.length > 5);
    }
  });
});
