/** The faults that can be switched on, by name; what each does is told in defects.yaml. */

export const DEFECT_NAMES = [
  'accept-any-signature',
  'accept-unsigned',
  'verify-header-only',
  'install-then-report-refused',
  'refuse-everything',
  'ignore-counter',
  'accept-missing-counter',
  'counter-forgotten-on-reboot',
  'factory-reset-clears-counter',
  'no-revert',
  'counter-burned-early',
  'torn-update-bricks',
  'accept-truncated',
  'accept-appended',
  'boots-altered-code',
  'silent-alarms',
  'silent-on-modbus',
  'late-alarms',
  'false-alarms',
  'alarm-on-update',
  'alarm-names-wrong-object',
  'misses-memory',
  'misses-executable',
  'misses-processes',
  'misses-monitor',
  'misses-baseline',
  'accept-replay',
  'accept-stale',
  'accept-bad-mac',
  'counter-kept-in-ram',
  'window-too-wide',
  'ratchets-on-future-timestamp',
  'ratchets-on-counter-jump',
  'open-writes',
  'dies-on-malformed-image',
  'logs-nothing',
  'opcua-accepts-repeated-sequence',
  'software-update-unverified',
  'file-records-unverified',
  'dead-process-value',
  'ignores-certificate-time',
  'accepts-while-clock-unset',
  'ignores-purpose',
  'ignores-signer-name',
  'any-certificate-issues',
  'trusts-by-name',
  'counts-signatures',
  'installs-without-digest',
  'takes-unlisted-files',
  'follows-paths',
  'unpacks-without-limit',
  'version-as-text',
  'version-missing-accepted',
  'ignores-expiry',
  'takes-stale-component',
  'manifest-number-decides',
  'lower-version-installs',
] as const;

export type DefectName = (typeof DEFECT_NAMES)[number];
export type Defects = ReadonlySet<DefectName>;

export const FAITHFUL: Defects = new Set();

/** @throws Error naming the defects there are, when the name is none of them */
export function defectNamed(name: string): DefectName {
  const known = DEFECT_NAMES.find((candidate) => candidate === name);
  if (known === undefined) throw new Error(`unknown defect "${name}"; there are: ${DEFECT_NAMES.join(', ')}`);
  return known;
}
