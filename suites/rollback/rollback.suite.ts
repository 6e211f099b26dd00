/** RB: no way back to an older firmware, and no way to be left without one. */

import { describe } from 'mocha';
import {
  auditMarker,
  mustBeAudited,
  offerForbidden,
  primaryIngress,
  rejectionBatch,
  testCase,
  vendorImage,
  type CaseContext,
  type ForbiddenImage,
  type Need,
} from '../../harness/index.ts';
import { mustNotBoot } from '../integrity-alarms/altered-at-rest.ts';
import { declaredPolicy, mustFollowPolicy } from './declared-policy.ts';
import { mustRevertFailingImages } from './failing-image.ts';
import { mustNotWrapCounter } from './highest-counter.ts';
import { mustGuardOverride } from './operator-override.ts';
import { mustRefuseRevert } from './refused-revert.ts';
import { mustEndEndlessTransfers } from './endless-transfer.ts';
import { mustKeepFloorOverFactoryReset } from './factory-reset.ts';
import { mustStayServiceable } from './invalid-updates.ts';
import { mustRevertUnconfirmedTrial } from './unconfirmed-trial.ts';
import { mustSurvivePowerCuts } from './power-cut-sweep.ts';
import { mustRevertWhenClientVanishes } from './vanished-client.ts';
import { mustSurviveRepeatedCuts } from './repeated-cuts.ts';
import { mustSurviveCutReverts } from './revert-cut-sweep.ts';

/** A validly signed image of the vendor's that the device must refuse all the same. */
const signedBut = (t: CaseContext, name: string, alteration: string, rationale: string): ForbiddenImage[] => [
  { image: vendorImage(t, name), alteration, rationale },
];

const base: readonly Need[] = ['firmware', 'restart', 'image:golden'];

describe('Rollback', () => {
  describe('validly signed, and still refused', () => {
    const batch = rejectionBatch();

    testCase(
      'RB-01 rejects an authentic image that is older than the one installed',
      { needs: [...base, 'image:older'], updates: 2, powerCycles: 1 },
      batch.rejects((t) =>
        signedBut(
          t,
          'older',
          'older release, validly signed',
          'a newer release was installed, and whoever kept the older one has its holes',
        ),
      ),
    );

    testCase(
      'RB-03 rejects an authentic image with a lower security counter, whatever its version says',
      { needs: [...base, 'image:lowerCounter'] },
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
      { needs: [...base, 'image:noCounter'] },
      batch.rejects((t) =>
        signedBut(
          t,
          'noCounter',
          'signed image without a counter',
          'what carries no counter cannot be held to the floor',
        ),
      ),
    );

    testCase(
      'RB-06 orders versions by their numbers, and refuses an image without one',
      { needs: [...base, 'image:lowerNumber', 'image:preRelease', 'image:noVersion'] },
      batch.rejects((t) => {
        const policy = declaredPolicy(t, t.update.policy?.lowerVersion, 'update.policy.lowerVersion');
        if (policy === 'accept')
          t.inconclusive(
            'versions-decide-nothing',
            'lower versions are taken, as declared: FP-RB-9 does not apply',
          );
        return [
          ...signedBut(t, 'lowerNumber', 'lower number, higher as text', 'versions are numbers, not text'),
          ...signedBut(
            t,
            'preRelease',
            'pre-release of the installed version',
            'a pre-release comes before it',
          ),
          ...signedBut(t, 'noVersion', 'image without a version', 'what has no version cannot be ordered'),
        ];
      }),
    );

    testCase(
      'RB-14 holds a whole bundle back when one of its components is older',
      { needs: [...base, 'image:staleComponent'] },
      batch.rejects((t) =>
        signedBut(
          t,
          'staleComponent',
          'newer bundle with one older component',
          'a set goes forward as a whole',
        ),
      ),
    );
  });

  describe('as its declaration says', () => {
    testCase(
      'RB-02 treats a lower version with an equal security counter as declared',
      { needs: [...base, 'image:equalCounter'], updates: 3, powerCycles: 1 },
      (t) => {
        const { equalCounter, policy } = t.update;
        const lower =
          equalCounter === 'refuse'
            ? 'refuse'
            : declaredPolicy(t, policy?.lowerVersion, 'update.policy.lowerVersion');
        const takes = lower === 'accept';
        return mustFollowPolicy(t, {
          image: vendorImage(t, 'equalCounter'),
          alteration: 'lower version, equal counter',
          policy: `equalCounter: ${equalCounter}, lowerVersion: ${lower}`,
          takes,
        });
      },
    );

    testCase(
      'RB-12 refuses expired update metadata and reports that it is stale',
      { needs: [...base, 'image:expired'], updates: 2, powerCycles: 1 },
      async (t) => {
        const marker = await auditMarker(t);
        const expired = signedBut(
          t,
          'expired',
          'image whose metadata has expired',
          'old metadata hides newer releases',
        );
        await offerForbidden(t, primaryIngress(t), expired, {
          thereafter: async () => void (await mustBeAudited(t, 'metadataExpired', marker)),
        });
      },
    );

    testCase(
      'RB-13 treats a newer release whose metadata has expired as declared',
      { needs: [...base, 'image:newerExpired'], updates: 3, powerCycles: 1 },
      (t) => {
        const policy = declaredPolicy(t, t.update.expiredMetadata, 'update.expiredMetadata');
        return mustFollowPolicy(t, {
          image: vendorImage(t, 'newerExpired'),
          alteration: 'newer release, expired metadata',
          policy: `expiredMetadata: ${policy}`,
          takes: policy === 'accept-newer',
        });
      },
    );

    testCase(
      'RB-15 accepts older firmware under a newer manifest only where that is declared',
      { needs: [...base, 'image:olderUnderNewer'], updates: 3, powerCycles: 1 },
      (t) => {
        const policy = declaredPolicy(t, t.update.olderUnderNewer, 'update.olderUnderNewer');
        return mustFollowPolicy(t, {
          image: vendorImage(t, 'olderUnderNewer'),
          alteration: 'older firmware under a newer manifest',
          policy: `olderUnderNewer: ${policy}`,
          takes: policy === 'accept',
        });
      },
    );
  });

  describe('by other ways than an offer', () => {
    testCase(
      'RB-07 keeps its rollback floor through a factory reset',
      {
        needs: [...base, 'factory-reset', 'image:older'],
        updates: 2,
        powerCycles: 1,
        seconds: 1,
      },
      (t) => mustKeepFloorOverFactoryReset(t),
    );

    testCase(
      'RB-08 refuses an operator’s downgrade, or demands authority and records it',
      { needs: [...base, 'override', 'image:older'], updates: 2, powerCycles: 1 },
      (t) => mustGuardOverride(t),
    );

    testCase(
      'RB-09 refuses to boot an old image written straight into its flash, and recovers',
      {
        needs: ['firmware', 'power', 'image:golden', 'image:older', 'tamper:older-at-rest'],
        updates: 2,
        powerCycles: 2,
        mayHarm: 'raw-flash-write',
      },
      (t) =>
        mustNotBoot(t, {
          tampering: 'older-at-rest',
          stimulus: 'an older genuine image written straight into the running slot',
          rationale: 'who can write the flash must not be able to go back',
          forbidden: vendorImage(t, 'older'),
        }),
    );

    testCase(
      'RB-10 returns to the old image when a trial was not confirmed, without having raised its floor',
      { needs: ['firmware', 'power', 'image:golden', 'image:newer'], updates: 3, powerCycles: 1 },
      (t) => mustRevertUnconfirmedTrial(t),
    );

    testCase(
      'RB-11 refuses to return to the old image once the new one was confirmed',
      { needs: [...base, 'revert'], updates: 2, powerCycles: 1, depth: 'standard' },
      (t) => mustRefuseRevert(t),
    );

    testCase(
      'RB-19 returns to the old image in time, and records it, when the new one hangs or crashes',
      {
        needs: ['firmware', 'image:golden', 'image:crashing', 'image:hanging'],
        updates: 6,
        powerCycles: 0,
        seconds: 5,
        depth: 'standard',
      },
      (t) => mustRevertFailingImages(t),
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

  describe('by a client that does not behave', () => {
    testCase(
      'RB-20 returns to the old image when its client vanishes before confirming',
      { needs: ['firmware', 'image:golden'], updates: 3, seconds: 60, depth: 'standard' },
      (t) => mustRevertWhenClientVanishes(t),
    );

    testCase(
      'RB-21 aborts a slow or endless download, tells of it, and keeps its storage bounded',
      { needs: ['firmware', 'image:golden'], updates: 5, seconds: 60, depth: 'standard' },
      (t) => mustEndEndlessTransfers(t),
    );

    testCase(
      'RB-22 stays serviceable under repeated invalid updates',
      { needs: base, updates: 2, powerCycles: 1, seconds: 60, depth: 'standard' },
      (t) => mustStayServiceable(t),
    );
  });

  // Last: a device that takes the highest counter takes nothing else afterwards.
  describe('at the end of its counter', () => {
    testCase(
      'RB-05 neither wraps nor locks itself out at the highest security counter',
      {
        needs: [...base, 'image:maximumCounter', 'image:older'],
        updates: 3,
        powerCycles: 1,
        mayHarm: 'maximum-counter',
      },
      (t) => mustNotWrapCounter(t),
    );
  });
});
