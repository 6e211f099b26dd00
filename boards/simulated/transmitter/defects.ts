/** The faults of TR-1 that can be switched on, by name; what each does is told in ../defects.yaml. */

export const DEFECT_NAMES = [
  'tr-one-leg-suffices',
  'tr-ignores-ml-dsa',
  'tr-ignores-counter',
  'tr-accept-appended',
  'tr-file-records-unverified',
  'tr-restart-forgets',
] as const;

export type DefectName = (typeof DEFECT_NAMES)[number];
export type Defects = ReadonlySet<DefectName>;

/** @throws Error naming the defects there are, when the name is none of them */
export function defectNamed(name: string): DefectName {
  const known = DEFECT_NAMES.find((candidate) => candidate === name);
  if (known === undefined) throw new Error(`unknown defect "${name}"; TR-1 has: ${DEFECT_NAMES.join(', ')}`);
  return known;
}
