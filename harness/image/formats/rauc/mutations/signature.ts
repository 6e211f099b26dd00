/** Attacks on the signature of RAUC bundles, and on whose it is. */

import { raisedByOne } from '../../../crypto/value-byte.ts';
import { forgedCertificate, resigned, strangerLike, strangersCertificate } from '../../../crypto/cms-sign.ts';
import {
  withCertificates,
  withoutIntermediates,
  withSignature,
  withSigners,
} from '../../../crypto/cms-edit.ts';
import { overwrite } from '../../../patch-set.ts';
import { trailerBytes } from '../parse.ts';
import { cmsAttack, contentOf, signersCertificate } from './cms.ts';
import {
  formatsDoc,
  mustReject,
  reasonBy,
  regionsOf,
  replaceCms,
  u64be,
  type RaucInput,
  type RaucMutation,
} from './common.ts';

const stripSignature: RaucMutation = {
  id: 'rauc-strip-signature',
  kind: 'unsigned',
  depth: 'standard',
  name: 'without its signature',
  rationale: 'A bundle is nothing but a file system to whoever forgets to ask for the signature.',
  references: ['SIG-01', formatsDoc],
  attackerModel: 'network',
  needs: [],
  expectation: mustReject,
  plan: ({ base, image }) => {
    const patches = [
      {
        at: image.payloadEnd,
        remove: base.size - image.payloadEnd,
        insert: [{ kind: 'bytes', bytes: u64be(0n) } as const],
      },
    ];
    return { patches, touches: regionsOf(image, patches), refusedFor: 'unsigned' };
  },
};

function signatureByte(id: string, name: string, where: 'first' | 'last', depth?: 'standard'): RaucMutation {
  return {
    id: `rauc-signature-${id}`,
    kind: 'signature',
    ...(depth === undefined ? {} : { depth }),
    invariants: ['signed-kept', 'same-length'],
    name,
    rationale: 'The smallest change to a signature; who ignores the result of the check accepts it.',
    references: ['SIG-04', 'RAUC test/signature.c'],
    attackerModel: 'network',
    needs: [],
    expectation: mustReject,
    plan: ({ base, image }) => {
      const spans =
        image.envelope === undefined
          ? (image.cms?.signers ?? []).map(({ signature }) => signature)
          : [image.envelope.encrypted];
      const patches = spans.map(({ start, end }) => {
        const value = base.read(start, end);
        const { at, byte } = raisedByOne(value);
        if (where === 'first') return overwrite(start + at, Buffer.of(byte));
        return overwrite(end - 1, Buffer.of((value.at(-1) ?? 0) ^ 1));
      });
      if (patches.length === 0) return { doesNotApply: 'nobody signed it' };
      return {
        patches,
        touches: regionsOf(image, patches),
        ...reasonBy(image, { plain: 'signature', verity: 'signature', crypt: 'encrypted' }),
      };
    },
  };
}

const transplant: RaucMutation = {
  id: 'rauc-signature-transplanted',
  kind: 'transplant',
  depth: 'standard',
  name: 'with the valid signature of another release',
  rationale:
    'A signature must be checked against this payload. In a verity bundle it brings its own manifest, and only the payload tells.',
  references: ['SIG-05', 'Wycheproof, flag ModifiedSignature'],
  attackerModel: 'stolen-old-image',
  needs: ['second-image'],
  expectation: mustReject,
  plan: ({ base, image, second }) => {
    if (second === undefined || second.image.bundleFormat !== image.bundleFormat) {
      return { doesNotApply: 'the second bundle is of another format' };
    }
    const cms = second.source.read(second.image.payloadEnd, second.source.size - trailerBytes);
    if (Buffer.compare(cms, base.read(image.payloadEnd, base.size - trailerBytes)) === 0) {
      return { doesNotApply: 'the second bundle has the same signature' };
    }
    return { ...replaceCms(image, cms), ...reasonBy(image, { plain: 'digest', crypt: 'encrypted' }) };
  },
};

const valueTransplanted = cmsAttack({
  id: 'rauc-signature-value-transplanted',
  kind: 'transplant',
  attackerModel: 'stolen-old-image',
  name: 'with the signature value of another release, all else its own',
  rationale: 'Digests fit, names fit; the signature is one that the maker made, for something else.',
  refusedFor: 'signature',
  edit: (cms, { second }) => {
    const signer = second?.image.cms?.signers[0];
    if (second === undefined || signer === undefined) return 'the second bundle shows no signature';
    return withSignature(cms, second.source.read(signer.signature.start, signer.signature.end));
  },
});

const ofSecond: RaucMutation = { ...valueTransplanted, needs: ['second-image'] };

function stranger(own: boolean): RaucMutation {
  return cmsAttack({
    id: own ? 'rauc-unknown-key' : 'rauc-unknown-key-trusted-name',
    kind: 'foreign-key',
    depth: 'standard',
    attackerModel: 'foreign-key',
    name: own
      ? 'signed with an unknown key, its certificate with it'
      : 'signed with an unknown key in the name of the trusted certificate',
    rationale: own
      ? 'A CMS brings the certificate by which it is checked: that it fits says nothing.'
      : 'The certificate is the genuine one, and the signature not by its key.',
    references: ['SIG-06', 'RAUC test/signature.c'],
    refusedFor: own ? 'untrusted' : 'signature',
    edit: (cms, input) => {
      const template = signersCertificate(input);
      const key = own
        ? template && strangersCertificate(template, input.random)
        : strangerLike(cms, input.random);
      return key && resigned(cms, key, contentOf(input), input.random);
    },
  });
}

const intermediateMissing = cmsAttack({
  id: 'rauc-certificate-intermediate-missing',
  kind: 'certificate',
  name: 'without the intermediate certificates of its signature',
  rationale:
    'The signer’s certificate is there, and nothing leads from it to the root: a name that fits must not do instead.',
  references: ['SIG-13', 'RFC 5280, 6.1'],
  refusedFor: 'untrusted',
  mootWhereTaken: 'as far as the keys tell, the device trusts the signer or the intermediate itself',
  edit: (cms) => withoutIntermediates(cms) ?? 'it has no certificate but its signer’s',
});

function forged(issuer: 'self' | 'kept', beside: boolean): RaucMutation {
  const self = issuer === 'self';
  return cmsAttack({
    id: `rauc-certificate-${self ? 'self-signed-copy' : 'forged-issuer'}${beside ? '-beside-genuine' : ''}`,
    kind: 'certificate',
    ...(self && !beside ? { depth: 'standard' as const } : {}),
    attackerModel: 'foreign-key',
    name: `signed under a ${self ? 'self-signed copy of the trusted certificate' : 'copy of the trusted certificate that its issuer did not sign'}${beside ? ', the genuine certificates beside it' : ''}`,
    rationale: self
      ? 'Name, serial number and key identifier are the trusted ones. What counts is who signed the certificate.'
      : 'The name of the issuer in a certificate is a claim. The issuer’s signature proves it.',
    references: ['SIG-08', 'RFC 5280, 6.1'],
    edit: (cms, input) => {
      const template = signersCertificate(input);
      const key = template && forgedCertificate(template, issuer, input.random);
      if (key === undefined) return undefined;
      const made = resigned(cms, key, contentOf(input), input.random);
      if (!beside || made === undefined) return made;
      const genuine = input.image.cms?.certificates.map(({ span }) => input.base.read(span.start, span.end));
      return withCertificates(made, (certificates) => [...certificates, ...(genuine ?? [])]);
    },
  });
}

const noSigner = cmsAttack({
  id: 'rauc-no-signer',
  kind: 'unsigned',
  name: 'with a signature by nobody',
  rationale: 'Signed data without a signer is well-formed, and every one of its signers is good.',
  references: ['SIG-01', 'RFC 5652, 5.1'],
  refusedFor: 'unsigned',
  edit: (cms) => withSigners(cms, () => []),
});

function secondCms(id: string, name: string, first: 'genuine' | 'foreign'): RaucMutation {
  const genuineFirst = first === 'genuine';
  return cmsAttack({
    id: `rauc-second-cms-${id}`,
    kind: 'injection',
    attackerModel: 'foreign-key',
    name,
    rationale:
      'There is room for two signatures in the area of one. The one that is checked is the one that is used.',
    ...(genuineFirst ? { expectation: { class: 'benign-accept' } as const } : { refusedFor: 'untrusted' }),
    edit: (cms, input) => {
      const foreign = foreignCms(cms, input);
      return foreign && Buffer.concat(genuineFirst ? [cms, foreign] : [foreign, cms]);
    },
  });
}

function foreignCms(cms: Buffer, input: RaucInput): Buffer | undefined {
  const template = signersCertificate(input);
  const key = template && strangersCertificate(template, input.random);
  return key && resigned(cms, key, contentOf(input), input.random);
}

/** Whoever asks that all signers be good refuses it, whoever asks for one accepts it: both are right. */
const foreignSignerAdded = cmsAttack({
  id: 'rauc-foreign-signer-added',
  kind: 'injection',
  attackerModel: 'foreign-key',
  name: 'with a second signer that nobody knows',
  rationale: 'Two signers of one content, one of them trusted: RAUC itself takes exactly one.',
  references: ['RAUC src/signature.c, cms_get_cert_chain'],
  expectation: { class: 'no-crash-only' },
  edit: (cms, input) => {
    const foreign = foreignCms(cms, input);
    if (foreign === undefined) return undefined;
    let theirs: readonly Buffer[] = [];
    let certificates: readonly Buffer[] = [];
    withSigners(foreign, (signers) => (theirs = signers));
    withCertificates(foreign, (all) => (certificates = all));
    const signed = withSigners(cms, (signers) => [...theirs, ...signers]);
    return signed && withCertificates(signed, (all) => [...all, ...certificates]);
  },
});

const signerTwice = cmsAttack({
  id: 'rauc-signer-twice',
  kind: 'injection',
  name: 'with its signer twice',
  rationale: 'Both signatures are good, and what they sign is unchanged. RAUC itself takes exactly one.',
  references: ['RAUC src/signature.c, cms_get_cert_chain'],
  expectation: { class: 'benign-accept' },
  edit: (cms) => withSigners(cms, (signers) => [...signers, ...signers]),
});

export const signatureMutations: readonly RaucMutation[] = [
  stripSignature,
  signatureByte('first-byte-plus-one', 'with the value of its signature raised by one', 'first', 'standard'),
  signatureByte('last-bit', 'with the last bit of its signature flipped', 'last'),
  transplant,
  ofSecond,
  stranger(true),
  stranger(false),
  forged('self', false),
  forged('self', true),
  forged('kept', false),
  forged('kept', true),
  intermediateMissing,
  noSigner,
  secondCms('genuine-first', 'with a foreign signature behind its own', 'genuine'),
  secondCms('foreign-first', 'with a foreign signature in front of its own', 'foreign'),
  foreignSignerAdded,
  signerTwice,
];
