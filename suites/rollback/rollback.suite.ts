/** RB: no way back to an older firmware, and no way to be left without one. */

import { describe } from 'mocha';
import { rejectionBatch, testCase, type ForbiddenImage, type CaseContext } from '../../harness/index.ts';
import { mustKeepFloorOverFactoryReset } from './factory-reset.ts';
import { mustRevertUnconfirmedTrial } from './unconfirmed-trial.ts';
import { mustSurvivePowerCuts } from './power-cut-sweep.ts';
import { mustSurviveRepeatedCuts } from './repeated-cuts.ts';
import { mustSurviveCutReverts } from './revert-cut-sweep.ts';

/** A validly signed image of the vendor's that the device must refuse all the same. */
const signedBut = (t: CaseContext, name: string, alteration: string, rationale: string): ForbiddenImage[] => [
  { image: t.image(name), alteration, rationale },
];

describe('Rollback', () => {
  describe('validly signed, and still refused', () => {
    const batch = rejectionBatch();

    testCase(
      'RB-01 rejects an authentic image that is older than the one installed',
      { needs: ['firmware', 'power', 'image:golden', 'image:older'], updates: 2, powerCycles: 1 },
      batch.rejects((t) =>
        signedBut(t, 'older', 'older release, validly signed', 'its security counter lies below the floor'),
      ),
    );

    testCase(
      'RB-03 rejects an authentic image with a lower security counter, whatever its version says',
      { needs: ['firmware', 'power', 'image:golden', 'image:lowerCounter'] },
      batch.rejects((t) =>
        signedBut(
          t,
          'lowerCounter',
          'higher version, lower counter',
          'the counter decides, not the version text',
        ),
      ),
    );

    testCase(
      'RB-04 rejects an authentic image that has no security counter',
      { needs: ['firmware', 'power', 'image:golden', 'image:noCounter'] },
      batch.rejects((t) =>
        signedBut(
          t,
          'noCounter',
          'signed image without a counter',
          'what carries no counter cannot be held to the floor',
        ),
      ),
    );
  });

  describe('by other ways than an offer', () => {
    testCase(
      'RB-07 keeps its rollback floor through a factory reset',
      {
        needs: ['firmware', 'power', 'factory-reset', 'image:golden', 'image:older'],
        updates: 2,
        powerCycles: 1,
        seconds: 1,
      },
      (t) => mustKeepFloorOverFactoryReset(t),
    );

    testCase(
      'RB-10 returns to the old image when a trial was not confirmed, without having raised its floor',
      { needs: ['firmware', 'power', 'image:golden', 'image:newer'], updates: 3, powerCycles: 1 },
      (t) => mustRevertUnconfirmedTrial(t),
    );

    testCase(
      'RB-16 boots the old or the new image, verified, after a power cut at any point of an update',
      {
        needs: ['firmware', 'power', 'image:golden', 'image:pair'],
        updates: 48,
        powerCycles: 40,
        mayHarm: 'power-cut-during-update',
      },
      (t) => mustSurvivePowerCuts(t),
    );

    testCase(
      'RB-17 boots a verified image after a power cut at any point of a revert',
      {
        needs: ['firmware', 'power', 'image:golden', 'image:newer'],
        updates: 23,
        powerCycles: 41,
        depth: 'standard',
        mayHarm: 'power-cut-during-revert',
      },
      (t) => mustSurviveCutReverts(t),
    );

    testCase(
      'RB-18 survives five power cuts at random points of one update',
      {
        needs: ['firmware', 'power', 'image:golden', 'image:pair'],
        updates: 9,
        powerCycles: 31,
        depth: 'standard',
        mayHarm: 'power-cut-during-update',
      },
      (t) => mustSurviveRepeatedCuts(t),
    );
  });
});
