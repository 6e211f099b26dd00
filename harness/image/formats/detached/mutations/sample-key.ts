/** Images signed with published sample keys. */

import { publicHalf, signMessage } from '../../../crypto/sign.ts';
import { describeScheme, keyFits, verifySignature } from '../../../crypto/signature.ts';
import {
  sampleKeys,
  sampleKeyTrusted,
  sampleKeyWords,
  trustsSampleKey,
  type SampleKey,
} from '../../../sample-keys.ts';
import type { TestKey } from '../../../trust.ts';
import { fixedBytes, schemeOf, type DetachedLayout } from '../layout.ts';
import type { SignatureAttack } from './common.ts';

/** For each sample key that the signature's scheme, and its length where that is fixed, have room for. */
export function sampleKeyAttacks(layout: DetachedLayout, index: number): SignatureAttack[] {
  const scheme = schemeOf(layout, index);
  const bytes = fixedBytes(layout, index);
  return sampleKeys
    .filter((sample) => keyFits(publicHalf(keyOf(sample)), scheme))
    .filter(
      ({ publicKey }) =>
        bytes === undefined || rsaBytes(publicKey) === undefined || rsaBytes(publicKey) === bytes,
    )
    .map(attack);
}

function keyOf({ privateKey, name }: SampleKey): TestKey {
  return { kind: 'classic', key: privateKey, chain: [], name };
}

function rsaBytes({ asymmetricKeyDetails: details }: SampleKey['publicKey']): number | undefined {
  return details?.modulusLength === undefined ? undefined : details.modulusLength / 8;
}

function attack(sample: SampleKey): SignatureAttack {
  const key = keyOf(sample);
  return {
    ...sampleKeyWords(sample),
    mootWhereTaken: sampleKeyTrusted,
    forge: ({ scheme, message, signature, random }) => {
      if (verifySignature(publicHalf(key), scheme, message, signature, { lenient: true }).good) {
        return trustsSampleKey;
      }
      const value = signMessage(key, scheme, message, (bytes) => random('salt', bytes));
      return value ?? { doesNotApply: `the sample key cannot sign by ${describeScheme(scheme)}` };
    },
  };
}
