/** SIG: the device runs nothing but what its vendor signed. Oracle: POST-R (see harness/lifecycle/rejection-batch.ts). */

import { describe } from 'mocha';
import { currentRun, forgeries, rejectionBatch, testCase, type Need } from '../../harness/index.ts';
import { mustRejectThroughEveryIngress } from './every-ingress.ts';

const needs: readonly Need[] = ['firmware', 'image:golden', 'power'];

describe('Signature rejection', () => {
  describe('through the primary ingress', () => {
    const batch = rejectionBatch();

    testCase(
      'SIG-01 rejects an image whose signature was stripped',
      { needs, updates: 2, powerCycles: 1 },
      batch.rejects((t) => forgeries(t, ['unsigned'])),
    );

    testCase(
      'SIG-02 rejects an image whose payload was altered after signing',
      { needs },
      batch.rejects((t) => forgeries(t, ['payload'])),
    );

    testCase(
      'SIG-03 rejects an image whose header was altered after signing',
      { needs },
      batch.rejects((t) => forgeries(t, ['metadata'])),
    );

    testCase(
      'SIG-04 rejects an image whose signature value was altered',
      { needs },
      batch.rejects((t) => forgeries(t, ['signature'])),
    );

    testCase(
      'SIG-05 rejects an image that carries the valid signature of another release',
      { needs: [...needs, 'image:older'] },
      batch.rejects((t) => forgeries(t, ['transplant'], { second: t.image('older') })),
    );

    testCase(
      'SIG-06 rejects an image signed with a key that it does not trust',
      { needs },
      batch.rejects((t) => forgeries(t, ['foreign-key'])),
    );

    testCase(
      'SIG-14 refuses data appended after the image, or executes not one byte of it',
      { needs },
      batch.rejects((t) => forgeries(t, ['appended'])),
    );

    testCase(
      'SIG-15 rejects an image that was cut short',
      { needs },
      batch.rejects((t) => forgeries(t, ['truncated'])),
    );
  });

  describe('through every ingress', () => {
    testCase(
      'SIG-28 rejects forged images through every declared way in',
      { needs, updates: 6, powerCycles: 3, seconds: 4 },
      (t) => mustRejectThroughEveryIngress(t, currentRun().device.firmware?.ingresses ?? []),
    );
  });
});
