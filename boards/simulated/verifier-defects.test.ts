import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, it } from 'mocha';
import { defectNamed, FAITHFUL, type DefectName } from './defects.ts';
import { verifyImage } from './image-verifier.ts';
import { TLV, type Refusal } from './mcuboot-image.ts';
import { dataPath } from './paths.ts';
import { byStranger, replaced, signatureOf, withFreshDigest } from './testing/attack-images.ts';
import { withUnprotected, wrapping } from './testing/attack-images.ts';
import { leadingZero, longForm, otherS } from './testing/ecdsa-forms.ts';
import { altered, IMAGE, imageFile, withGateway } from './testing/bench.ts';
import { loadTrustedKeys } from './trusted-keys.ts';
import { buildImage, signEcdsa } from './vendor/build-image.ts';

const GOLDEN = imageFile(IMAGE.golden);
const NEWER = imageFile(IMAGE.newer);
const KEY = createPrivateKey(readFileSync(dataPath('keys', 'public-test-key-p256.pem')));
const SIGNATURE = signatureOf(GOLDEN);

/** SHA-256 of the SubjectPublicKeyInfo of MCUboot's root-ec-p256 and of the test key of its Cypress port. */
const SAMPLE_KEYS = [
  'e30466f6b8470c1f29070b17f1e2d3e94d445e3f608087fdc711e4382bb538b6',
  '6d480226638605f9f4cee9790630d5be3374d0deb0a43f19434bf60c9cc47c36',
];
/** What the second of them signs of the newer image. */
const SAMPLE_SIGNATURE = Buffer.from(
  '304402204cf06807fd321cabd71d94808177f41038f977bd708b1a45dc6bf9c43845704402201b3dd59a57d316db5f8fcd97b477906973215d800224ce4cddab1e1fae8d9b34',
  'hex',
);

interface Attack {
  what: string;
  image: Buffer;
  /** Why the faithful device refuses it. */
  reason: Refusal;
}

interface Example {
  defect: DefectName;
  takes: Attack[];
  /** What it must still refuse, to be wrong in one thing only. */
  refuses: Attack[];
}

function attack(what: string, reason: Refusal, image: Buffer): Attack {
  return { what, reason, image };
}

function added(type: number, value: Buffer, image = GOLDEN): Buffer {
  return withUnprotected(image, (entries) => [...entries, { type, value }]);
}

function signed(signature: Buffer, image = GOLDEN): Buffer {
  return replaced(image, TLV.ecdsa, () => signature);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const withoutCounter = buildImage({ version: '1.3.0', counter: undefined, key: KEY });
const wrapped = wrapping(NEWER, (message) => signEcdsa(KEY, message));
const sampleSigned = signed(
  SAMPLE_SIGNATURE,
  replaced(NEWER, TLV.keyHash, () => Buffer.from(SAMPLE_KEYS[1] ?? '', 'hex')),
);
const rsa = withUnprotected(withFreshDigest(GOLDEN), (entries) =>
  entries.map(({ type, value }) =>
    type === TLV.ecdsa ? { type: 0x20, value: Buffer.alloc(256, 1) } : { type, value },
  ),
);

const EXAMPLES: Example[] = [
  {
    defect: 'believes-key-hash',
    takes: [attack('an altered payload under the trusted key’s hash', 'signature', withFreshDigest(GOLDEN))],
    refuses: [
      attack('a key that nobody trusts', 'unknown-key', byStranger()),
      attack('a wrong digest', 'digest', altered(GOLDEN, 0x1000)),
    ],
  },
  {
    defect: 'trusts-sample-key',
    takes: [attack('an image signed with a published key', 'unknown-key', sampleSigned)],
    refuses: [
      attack('another key', 'unknown-key', byStranger()),
      attack('a wrong signature by the published key', 'signature', withFreshDigest(sampleSigned)),
    ],
  },
  {
    defect: 'length-wraps',
    takes: [
      attack('a payload size that wraps round', 'size', wrapped),
      attack('an altered payload behind it', 'size', altered(wrapped, 0x1000)),
      attack('a longer payload behind it', 'size', Buffer.concat([wrapped, Buffer.alloc(100, 0x5a)])),
    ],
    refuses: [
      attack('an altered byte before its end', 'digest', altered(wrapped, 0x21)),
      attack('a byte behind a genuine image', 'size', Buffer.concat([GOLDEN, Buffer.of(0)])),
    ],
  },
  {
    defect: 'tolerates-unsigned-tlvs',
    takes: [
      attack('an unknown TLV', 'format', added(0x99, Buffer.alloc(8))),
      attack('a second digest', 'format', added(TLV.sha256, Buffer.alloc(32))),
    ],
    refuses: [
      attack('two signatures', 'format', added(TLV.ed25519, Buffer.alloc(64))),
      attack(
        'no counter but an unprotected one',
        'no-counter',
        added(TLV.securityCounter, u32(6), withoutCounter),
      ),
    ],
  },
  {
    defect: 'believes-unprotected-counter',
    takes: [
      attack('a counter that nobody signed', 'format', added(TLV.securityCounter, u32(6), withoutCounter)),
    ],
    refuses: [
      attack('a low one', 'counter', added(TLV.securityCounter, u32(4), withoutCounter)),
      attack('one beside the protected one', 'format', added(TLV.securityCounter, u32(6))),
      attack('no counter at all', 'no-counter', withoutCounter),
    ],
  },
  {
    defect: 'skips-unknown-algorithms',
    takes: [attack('an altered payload with bytes for an RSA signature', 'format', rsa)],
    refuses: [
      attack('a wrong digest', 'digest', altered(rsa, 0x1001)),
      attack(
        'no signature',
        'unsigned',
        withUnprotected(GOLDEN, (entries) => entries.slice(0, -1)),
      ),
      attack(
        'a wrong signature beside',
        'signature',
        added(0x20, Buffer.alloc(256), withFreshDigest(GOLDEN)),
      ),
    ],
  },
  {
    defect: 'accepts-zero-signature',
    takes: [
      attack(
        'an altered payload with r and s of zero',
        'signature',
        signed(Buffer.from('3006020100020100', 'hex'), withFreshDigest(GOLDEN)),
      ),
    ],
    refuses: [
      attack('r and s of one', 'signature', signed(Buffer.from('3006020101020101', 'hex'))),
      attack('r of one, s of zero', 'signature', signed(Buffer.from('3006020101020100', 'hex'))),
      attack('the genuine signature with another payload', 'signature', withFreshDigest(GOLDEN)),
    ],
  },
  {
    defect: 'accepts-malleable-signature',
    takes: [
      attack('the other s', 'signature', signed(otherS(SIGNATURE))),
      attack('a length in more bytes than needed', 'signature', signed(longForm(SIGNATURE))),
      attack('a leading zero too many', 'signature', signed(leadingZero(SIGNATURE))),
      attack('a byte behind the signature', 'signature', signed(Buffer.concat([SIGNATURE, Buffer.of(0)]))),
    ],
    refuses: [
      attack('another payload', 'signature', withFreshDigest(GOLDEN)),
      attack('a signature cut short', 'signature', signed(SIGNATURE.subarray(0, -1))),
      attack('r and s of zero', 'signature', signed(Buffer.from('3006020100020100', 'hex'))),
    ],
  },
  {
    defect: 'ignores-hardware',
    takes: [attack('an image for other hardware', 'hardware', imageFile(IMAGE.otherHardware))],
    refuses: [
      attack('one that was altered', 'digest', altered(imageFile(IMAGE.otherHardware), 0x1000)),
      attack('an older one', 'counter', imageFile(IMAGE.older)),
    ],
  },
];

/** `accepted`, or the reason. */
function outcome(image: Buffer, defect?: DefectName): string {
  const defects = defect === undefined ? FAITHFUL : new Set([defect]);
  const verdict = verifyImage(image, { keys: loadTrustedKeys(defects), floor: 5, defects });
  return verdict.ok ? 'accepted' : verdict.reason;
}

/** Where a defect lets the attacks of another through, since they have a wrong signature under the trusted key. */
const ALSO_TAKEN: Partial<Record<DefectName, readonly DefectName[]>> = {
  'believes-key-hash': ['accepts-zero-signature', 'accepts-malleable-signature'],
};

describe('simulated gateway: defects of the image check, one by one', () => {
  for (const { defect, takes, refuses } of EXAMPLES) {
    it(`${defect}: takes ${takes.map(({ what }) => what).join(', ')}`, () => {
      for (const { what, image, reason } of takes) {
        assert.equal(outcome(image), reason, `the faithful device: ${what}`);
        assert.equal(outcome(image, defect), 'accepted', what);
      }
    });

    it(`${defect}: refuses ${refuses.map(({ what }) => what).join(', ')}`, () => {
      for (const { what, image, reason } of refuses) assert.equal(outcome(image, defect), reason, what);
      assert.equal(outcome(GOLDEN, defect), 'accepted', 'the golden image');
    });

    it(`${defect}: takes nothing that only another of these defects lets through`, () => {
      const others = EXAMPLES.filter((other) => other.defect !== defect);
      for (const other of others) {
        if (ALSO_TAKEN[defect]?.includes(other.defect) === true) continue;
        for (const { what, image } of other.takes) {
          assert.notEqual(outcome(image, defect), 'accepted', `${what} (${other.defect})`);
        }
      }
    });
  }

  it('trusts-sample-key: the keys are those that MCUboot publishes', () => {
    const hashes = (defects: readonly DefectName[]): string[] =>
      loadTrustedKeys(new Set(defects)).map(({ hash }) => hash.toString('hex'));
    assert.deepEqual(hashes(['trusts-sample-key']).slice(2), SAMPLE_KEYS);
    assert.equal(hashes([]).length, 2);
  });

  it('trusts-sample-key: the whole device takes what a published key signed, where a faithful one does not', async () => {
    await withGateway(['--no-opcua', '--defect', defectNamed('trusts-sample-key')], async (bench) => {
      assert.equal(await bench.offer(sampleSigned), 'OK verified 1.3.0+0');
    });
    await withGateway(['--no-opcua'], async (bench) => {
      assert.equal(await bench.offer(sampleSigned), 'ERR refused unknown-key');
    });
  });

  it('length-wraps: the whole device runs payload that nobody signed', async () => {
    await withGateway(['--no-opcua', '--defect', defectNamed('length-wraps')], async (bench) => {
      assert.equal(await bench.offer(altered(wrapped, 0x1000)), 'OK verified 1.3.0+0');
      await bench.activate();
      assert.equal((await bench.status())['version'], '1.3.0+0');
    });
  });
});
