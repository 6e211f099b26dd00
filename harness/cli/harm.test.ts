import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Catalogue } from '../catalogue/index.ts';
import type { BoardFile, Declaration } from '../board/index.ts';
import { NotExecuted, UsageError } from '../errors.ts';
import { acceptHarm, harmOf, type Operator } from './harm.ts';

const catalogue = {
  case: (id: string) => ({ id, requirements: id === 'RB-19' ? ['FP-RB-9'] : ['FP-RB-7'] }),
  requirement: (id: string) => ({ id, kind: id === 'FP-RB-9' ? 'conditional' : 'mandatory' }),
} as unknown as Catalogue;
const waiving = (...requirements: string[]) =>
  ({
    notApplicable: requirements.map((requirement) => ({ requirement, reason: 'so', agreedBy: 'us' })),
  }) as unknown as Declaration;
const boardWith = (driver: string, allow: string[], power = true) =>
  ({
    board: 'mine',
    wires: { power: { driver, settings: {} } },
    profile: power ? { power: 'power' } : {},
    images: {},
    keys: {},
    allow,
  }) as unknown as BoardFile;
const cases = [
  { id: 'RB-16', title: '', plan: { needs: ['power'] as const, mayHarm: 'power-cut-during-update' } },
  { id: 'RB-19', title: '', plan: { needs: [], mayHarm: 'counter-step' } },
  { id: 'RB-01', title: '', plan: { needs: [] } },
];
const all = ['power-cut-during-update', 'counter-step'];

function operator(parts: Partial<Operator> & { answer?: string } = {}): Operator & { told: string[] } {
  const told: string[] = [];
  const { answer, ...rest } = parts;
  return {
    told,
    agreed: false,
    agreeBy: '--yes',
    ask: answer === undefined ? undefined : () => Promise.resolve(answer),
    tell: (text) => void told.push(text),
    ...rest,
  };
}

describe('Stimuli that may cost the device', () => {
  const harm = (board: BoardFile, declaration = waiving()) =>
    harmOf({ board, declaration, catalogue }, cases);

  it('are those that the board file allows and a case that will run makes', () => {
    assert.deepEqual(harm(boardWith('exec-power', all)), [
      { stimulus: 'power-cut-during-update', cases: ['RB-16'] },
      { stimulus: 'counter-step', cases: ['RB-19'] },
    ]);
    assert.deepEqual(harm(boardWith('exec-power', [])), []);
    const withoutPower = harm(boardWith('exec-power', all, false));
    assert.deepEqual(
      withoutPower.map(({ stimulus }) => stimulus),
      ['counter-step'],
      'RB-16 lacks its supply',
    );
    const waived = harm(boardWith('exec-power', all), waiving('FP-RB-9'));
    assert.deepEqual(
      waived.map(({ stimulus }) => stimulus),
      ['power-cut-during-update'],
    );
  });

  it('are none on a simulated device', () => {
    assert.deepEqual(harm(boardWith('simulated-power', all)), []);
  });

  const real = harm(boardWith('exec-power', all));

  it('need a yes at the terminal, which the record keeps', async () => {
    for (const answer of ['y', ' YES ']) {
      const here = operator({ answer });
      assert.deepEqual(await acceptHarm(real, here), { stimuli: all, by: 'terminal' });
      assert.match(here.told.join(''), /power-cut-during-update \(RB-16\): Cuts the supply/);
    }
    for (const answer of ['', 'n', 'yep', 'no'])
      await assert.rejects(acceptHarm(real, operator({ answer })), NotExecuted);
  });

  it('are refused where nobody can be asked, naming --yes, which agrees beforehand', async () => {
    await assert.rejects(
      acceptHarm(real, operator()),
      (error) =>
        error instanceof UsageError &&
        /may cost the device/.test(error.message) &&
        /add --yes if this device may be lost/.test(error.hint ?? ''),
    );
    assert.deepEqual(await acceptHarm(real, operator({ agreed: true })), { stimuli: all, by: '--yes' });
  });

  it('are not asked about where there are none', async () => {
    assert.equal(await acceptHarm([], operator()), undefined);
  });
});
