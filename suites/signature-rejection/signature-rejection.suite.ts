/** SIG: the device runs nothing but what its vendor signed. Oracle: POST-R (see harness/lifecycle/rejection-batch.ts). */

import { describe } from 'mocha';
import {
  currentRun,
  forgeries,
  rejectionBatch,
  testCase,
  type CaseContext,
  type Need,
} from '../../harness/index.ts';
import { eitherOf, vendors } from '../either.ts';
import { mustRejectThroughEveryIngress } from './every-ingress.ts';
import { mustWithstandExhaustion } from './exhausting.ts';
import { expiredSigners } from './unset-clock.ts';
import { mustInstallWhatItVerified } from './verified-bytes.ts';

const needs: readonly Need[] = ['firmware', 'image:golden', 'restart'];
const withAuthority: readonly Need[] = [...needs, 'test-authority'];

/** An older genuine image where the board has one: some attacks take parts of it. */
const second = (t: CaseContext) => {
  const older = t.run.images.get('older');
  return older === undefined ? {} : { second: older };
};

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
      'SIG-07 rejects an image signed with a published sample key of a well-known boot loader',
      { needs },
      batch.rejects((t) => forgeries(t, ['sample-key'])),
    );

    testCase(
      'SIG-08 rejects an image whose self-signed certificate copies the trusted name or key identifier',
      { needs },
      batch.rejects((t) =>
        forgeries(t, ['certificate', 'foreign-key'], {
          only: [
            'self-signed',
            'authority-copy',
            'own-certificate',
            'forged-issuer',
            'trusted-',
            'issuer-kept',
          ],
        }),
      ),
    );

    testCase(
      'SIG-09 treats an image of an expired signer as declared, also when its clock is not set',
      { needs: withAuthority },
      batch.rejects(expiredSigners),
    );

    testCase(
      'SIG-10 rejects an image whose signer is not yet valid',
      { needs: withAuthority },
      batch.rejects((t) => forgeries(t, ['certificate'], { only: ['not-yet-valid'] })),
    );

    testCase(
      'SIG-11 rejects an image whose signing certificate is meant for another purpose',
      { needs: withAuthority },
      batch.rejects((t) => forgeries(t, ['certificate'], { only: ['wrong-purpose'] })),
    );

    testCase(
      'SIG-12 rejects an image signed by another member of the same authority',
      { needs: withAuthority },
      batch.rejects((t) => forgeries(t, ['certificate'], { only: ['other-name'] })),
    );

    testCase(
      'SIG-13 rejects an image whose certificate chain is broken, too long or issued by a non-authority',
      { needs: withAuthority },
      batch.rejects((t) =>
        forgeries(t, ['certificate'], {
          only: [
            'by-signer',
            'of-signer',
            'path-too-long',
            'too-deep',
            'intermediate-missing',
            'certificates-removed',
          ],
          always: ['by-signer', 'of-signer', 'path-too-long', 'too-deep', 'intermediate-missing'],
        }),
      ),
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

    testCase(
      'SIG-16 rejects an image whose length field overflows so that its signature covers only a part',
      { needs },
      batch.rejects((t) =>
        eitherOf(
          t,
          vendors(
            t,
            'lengthOverflow',
            'image signed over a part, by a length that overflows',
            'what the signature does not cover must not be executed',
          ),
          () =>
            forgeries(t, ['coverage', 'structure', 'metadata', 'resource'], {
              only: [
                'wraps',
                'overflow',
                'oversize',
                'huge',
                'signed-up-to',
                'all-but-last',
                '-max',
                'img-size-lie',
                'beyond',
              ],
              always: ['wraps', 'oversize', 'signed-up-to', 'all-but-last'],
              decisive: ['resigned-length-wraps'],
            }),
        ),
      ),
    );

    testCase(
      'SIG-17 rejects an image whose list of signed parts was shortened or overflowed',
      { needs },
      batch.rejects((t) =>
        forgeries(t, ['coverage'], {
          except: ['wraps', 'oversize'],
          always: ['without-', 'sha256-zero', 'hashed-'],
        }),
      ),
    );

    testCase(
      'SIG-18 rejects an image into which an unsigned part was added or copied',
      { needs },
      batch.rejects((t) =>
        forgeries(t, ['injection'], { except: ['path-'], always: ['unlisted', 'duplicate'], ...second(t) }),
      ),
    );

    testCase(
      'SIG-19 survives images whose offsets and sizes are negative or point outside',
      { needs },
      batch.rejects((t) => forgeries(t, ['structure'], { survivable: true })),
    );

    testCase(
      'SIG-20 ignores security metadata that stands outside the signed area',
      { needs },
      batch.rejects((t) =>
        eitherOf(
          t,
          vendors(
            t,
            'unsignedCounter',
            'image signed without a counter, and an unsigned one beside it',
            'only what is signed may decide',
          ),
          () =>
            forgeries(t, ['counter', 'compatibility', 'injection', 'coverage', 'encoding'], {
              only: [
                'unprotected-',
                'protected-moved',
                'unsigned-attribute',
                'severed-undeclared',
                'property-of-images',
                'signer-name',
                'algorithm-moved',
              ],
              always: ['unprotected-counter'],
              decisive: ['resigned-unprotected-counter'],
            }),
        ),
      ),
    );

    testCase(
      'SIG-21 rejects an image whose signature algorithm was replaced by a weaker one or none',
      { needs },
      batch.rejects((t) => forgeries(t, ['downgrade'])),
    );

    testCase(
      'SIG-22 rejects an image with a degenerate signature value',
      { needs },
      batch.rejects((t) =>
        forgeries(t, ['edge-value'], { always: ['zero-zero', 'both-zero', 'r-s-zero', 'edge-zero'] }),
      ),
    );

    testCase(
      'SIG-23 rejects an image whose signature is encoded in another way than the standard allows',
      { needs },
      batch.rejects((t) => forgeries(t, ['encoding'])),
    );

    testCase(
      'SIG-24 counts each signer once when an image needs several signatures',
      { needs },
      batch.rejects((t) => forgeries(t, ['threshold'])),
    );

    testCase(
      'SIG-25 rejects an authentic image made for other hardware or another vendor',
      { needs },
      batch.rejects((t) =>
        eitherOf(
          t,
          vendors(
            t,
            'otherHardware',
            'genuine image for other hardware',
            'authentic firmware of a sister product can destroy this one',
          ),
          () => forgeries(t, ['compatibility'], { only: ['resigned-', 'signed-'] }),
        ),
      ),
    );
  });

  describe('what was verified, and what does not fit', () => {
    testCase(
      'SIG-26 installs the very bytes that it verified, even when they are swapped in between',
      { needs, updates: 4, powerCycles: 4 },
      (t) => mustInstallWhatItVerified(t),
    );

    testCase(
      'SIG-27 rejects oversize archives, path traversal and decompression bombs, and frees its storage',
      { needs, updates: 2, powerCycles: 2, mayHarm: 'storage-exhaustion' },
      (t) => mustWithstandExhaustion(t),
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
