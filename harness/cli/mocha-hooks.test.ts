import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import { join } from 'node:path';
import { killAll, repository, start, testBoard, type Ended } from './test/command.ts';

/** `BOARD=… npx mocha …` in the repository, without npx. */
function mocha(env: NodeJS.ProcessEnv, ...arguments_: string[]): Promise<Ended> {
  const program = join(repository, 'node_modules/mocha/bin/mocha.js');
  return start(process.execPath, [program, '--reporter', 'dot', ...arguments_], env).ended;
}

describe('BOARD=… npx mocha', function () {
  this.timeout(180_000);
  afterEach(killAll);

  it('judges as `fieldproof run` does, and ends with the exit code of the run', async () => {
    const board = testBoard();
    try {
      const conforms = await mocha({ BOARD: board.board }, '--grep', 'SIG-02 ');
      assert.equal(conforms.code, 0, conforms.stdout + conforms.stderr);
      assert.match(conforms.stdout, /1 passing/);
      assert.match(conforms.stdout, /CONFORMS +1 conforms/);
      // Mocha itself counts a pending test as no failure, which would be 0.
      const lacking = await mocha({ BOARD: board.board }, '--grep', 'REP-02 ');
      assert.equal(lacking.code, 2, lacking.stdout + lacking.stderr);
      const broken = await mocha({ BOARD: board.board, DEFECT: 'accept-any-signature' }, '--grep', 'SIG-02 ');
      assert.equal(broken.code, 1, broken.stdout + broken.stderr);
    } finally {
      board.remove();
    }
  });

  it('tells once, and in the words of the command line, why it cannot start', async () => {
    const [unnamed, missing, defect, nothing] = await Promise.all([
      mocha({ BOARD: '' }),
      mocha({ BOARD: 'boards/nowhere.yaml' }),
      mocha({ BOARD: 'boards/simulated-console.yaml', DEFECT: 'acept-any-signature' }),
      mocha({ BOARD: 'boards/simulated-console.yaml' }, '--grep', 'no such case'),
    ]);
    assert.deepEqual([unnamed.code, missing.code, defect.code, nothing.code], [64, 3, 64, 64]);
    assert.match(unnamed.stderr, /no device is named\n {2}next: BOARD=/);
    assert.match(missing.stderr, /cannot read the board file/);
    assert.match(defect.stderr, /Did you mean accept-any-signature/);
    assert.match(nothing.stderr, /no case matches --grep/);
    for (const { stdout } of [unnamed, missing, defect, nothing]) assert.doesNotMatch(stdout, /failing/);
  });
});
