/** What the values of TLVs mean. */

import type { ByteSource } from '../../byte-source.ts';
import { decodeUint, tlvTypes, type Endian } from './layout.ts';
import { tlvsOf, valueOf, type McubootImage } from './parse.ts';

/** The protected security counter; undefined when there is none, or one of another length than 4 bytes. */
export function counterOf(source: ByteSource, image: McubootImage): number | undefined {
  const [tlv] = tlvsOf(image, tlvTypes.SEC_CNT, 'protected');
  const value = tlv === undefined ? undefined : valueOf(source, tlv);
  return value?.length === 4 ? decodeUint(value, 0, 4, image.endian) : undefined;
}

/** `1.2.3+4`, as imgtool writes it. */
export function versionText(value: Buffer, at: number, endian: Endian): string {
  const [major, minor] = [value[at] ?? 0, value[at + 1] ?? 0];
  return `${major}.${minor}.${decodeUint(value, at + 2, 2, endian)}+${decodeUint(value, at + 4, 4, endian)}`;
}

/** Another image that must be there, in at least some version. */
export interface Dependency {
  /** Index of the image, from 0. */
  image: number;
  /** `1.2.3+4` */
  atLeast: string;
}

/** Value: image id u8, 3 bytes of padding, version u8.u8.u16.u32. */
export function dependenciesOf(source: ByteSource, image: McubootImage): Dependency[] {
  return tlvsOf(image, tlvTypes.DEPENDENCY, 'protected').flatMap((tlv) => {
    const value = valueOf(source, tlv);
    return value.length === 12
      ? [{ image: value[0] ?? 0, atLeast: versionText(value, 4, image.endian) }]
      : [];
  });
}

/**
 * Compares versions as MCUboot does: negative when `a` is lower. The build number decides last; loaders leave it out
 * unless MCUBOOT_VERSION_CMP_USE_BUILD_NUMBER is set.
 */
export function compareVersions(a: McubootImage, b: McubootImage, buildNumber: boolean): number {
  const fields = ['version.major', 'version.minor', 'version.revision'] as const;
  for (const field of buildNumber ? ([...fields, 'version.build'] as const) : fields) {
    const difference = (a.header?.fields[field] ?? 0) - (b.header?.fields[field] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
