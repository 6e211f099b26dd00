/** PE/Authenticode, as an image format of the engine. */

import { joined, slice, type ByteSource } from '../../byte-source.ts';
import { signerCertificates } from '../../crypto/cms.ts';
import { publishedKeys } from '../../known-keys.ts';
import { schemeOf } from '../../crypto/cms-verify.ts';
import { digestOf } from '../../digest.ts';
import type { Claim, ImageFacts, ImageFormat } from '../../format.ts';
import { dosHeaderBytes, machineNames, newHeaderAt, subsystemNames } from './layout.ts';
import { peMutations } from './mutations/index.ts';
import { parsePe, type PeImage } from './parse.ts';
import { imageDigest, peTrust, verifyPe } from './verify.ts';

export const pe: ImageFormat<PeImage> = {
  name: 'pe',
  title: 'PE/Authenticode',
  claims,
  parse: parsePe,
  facts,
  verifier: (trust) => {
    const trusted = peTrust(trust);
    return (source) => verifyPe(source, trusted);
  },
  executedDigest: (source, { hashed }) =>
    digestOf(joined(hashed.map(({ start, end }) => slice(source, start, end)))).toString('hex'),
  mutations: peMutations,
};

function claims(source: ByteSource): Claim | undefined {
  const dos = Buffer.from(source.read(0, dosHeaderBytes));
  if (dos.length < dosHeaderBytes || dos.toString('latin1', 0, 2) !== 'MZ') return undefined;
  const at = dos.readUInt32LE(newHeaderAt);
  const signature = Buffer.from(source.read(at, at + 4)).toString('latin1');
  return signature === 'PE\0\0'
    ? { certainty: 'certain' }
    : { certainty: 'possible', doubt: 'it begins like a DOS program, and there is no PE header' };
}

function facts(source: ByteSource, image: PeImage): ImageFacts {
  const { headers, certificates } = image;
  const machine = headers?.coff.machine ?? 0;
  const subsystem = headers?.optional.subsystem ?? 0;
  const signed = certificates.flatMap(({ cms, indirect }) => (cms === undefined ? [] : [{ cms, indirect }]));
  const digests = new Set(signed.flatMap(({ indirect }) => indirect?.algorithm ?? []));
  const signers = signed.flatMap(({ cms }) => cms.signers.map((signer) => ({ cms, signer })));
  return {
    hardware:
      headers === undefined
        ? []
        : [{ name: 'machine', value: machineNames.get(machine) ?? `0x${machine.toString(16)}` }],
    algorithms: [
      ...[...digests].map((digest) => `Authenticode ${digest.replace('sha', 'SHA-')}`),
      ...signers.map(({ signer }) => {
        const scheme = schemeOf(source, signer);
        return typeof scheme === 'string' ? signer.signatureOid : scheme.type.toUpperCase();
      }),
    ],
    signers: signers.flatMap(({ cms, signer }) =>
      signerCertificates(cms, signer).map(({ x509, serial }) => ({
        name: 'certificate',
        value: x509?.subject.replaceAll('\n', ', ') ?? `serial ${serial}`,
      })),
    ),
    digests: [...digests].map((digest) => imageDigest(source, image, digest).toString('hex')),
    other: [
      ...(headers === undefined
        ? []
        : [
            { name: 'subsystem', value: subsystemNames.get(subsystem) ?? `${subsystem}` },
            { name: 'entry point', value: `0x${headers.optional.entry_point.toString(16)}` },
          ]),
      ...publishedKeys(signers.flatMap(({ cms, signer }) => signerCertificates(cms, signer))),
    ],
  };
}
