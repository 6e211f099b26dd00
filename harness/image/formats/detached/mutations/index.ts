/** Every attack on an image of a layout: those on its frame and payload, and those of each signature's scheme. */

import { isPostQuantum, type SignatureScheme } from '../../../crypto/signature.ts';
import { isMlDsa } from '../../../crypto/post-quantum.ts';
import { schemeOf, type DetachedLayout } from '../layout.ts';
import { anySchemeAttacks, anySigningAttacks } from './any-scheme.ts';
import { onSignature, type DetachedMutation, type SignatureAttack } from './common.ts';
import { ecdsaAttacks } from './ecdsa.ts';
import { ed25519Attacks } from './ed25519.ts';
import { framingMutations } from './framing.ts';
import { lmsAttacks } from './lms.ts';
import { payloadMutations } from './payload.ts';
import { mlDsaAttacks, slhDsaAttacks } from './post-quantum.ts';
import { rsaAttacks } from './rsa.ts';
import { sampleKeyAttacks } from './sample-key.ts';
import { severalMutations } from './several.ts';

export function detachedMutations(layout: DetachedLayout): readonly DetachedMutation[] {
  const ofSignatures = [...layout.signatures.keys()].flatMap((index) => {
    const scheme = schemeOf(layout, index);
    return onSignature(layout, index, [
      ...anySchemeAttacks,
      ...sampleKeyAttacks(layout, index),
      ...signing(scheme),
      ...schemeAttacks(scheme),
    ]);
  });
  return [
    ...framingMutations(layout),
    ...payloadMutations(layout),
    ...ofSignatures,
    ...severalMutations(layout),
  ];
}

function signing(scheme: SignatureScheme): readonly SignatureAttack[] {
  return scheme.type === 'lms' || scheme.type === 'hss' ? [] : anySigningAttacks;
}

function schemeAttacks(scheme: SignatureScheme): readonly SignatureAttack[] {
  if (isPostQuantum(scheme)) return isMlDsa(scheme.type) ? mlDsaAttacks(scheme) : slhDsaAttacks(scheme);
  switch (scheme.type) {
    case 'ed25519':
    case 'ed25519ph':
    case 'ed25519ctx':
      return ed25519Attacks(scheme);
    case 'ecdsa':
      return ecdsaAttacks(scheme);
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return rsaAttacks(scheme);
    case 'lms':
    case 'hss':
      return lmsAttacks(scheme.type);
  }
}
