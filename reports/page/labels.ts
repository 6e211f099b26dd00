/**
 * Every word of the test report that is not data, in English and in Chinese.
 *
 * Chinese terms are those of CNAS-CL01:2018, clause 7.8, which takes over ISO/IEC 17025:2017. Reasons, findings and
 * titles of cases come from the record and the catalogue and stay English.
 */

import { itemLabels } from './labels-items.ts';
import { ruleLabels } from './labels-rules.ts';

export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];

/** English, Chinese; `{name}` is filled in. */
type Pair = readonly [en: string, zh: string];

const generalLabels = {
  testReport: ['Test report', '检测报告'],
  subtitle: [
    'Conformance test of a device’s firmware protection, integrity alarms and resistance to replay',
    '设备固件保护、完整性告警与抗重放能力的符合性检测',
  ],
  reportNumber: ['Report number', '报告编号'],
  run: ['Run', '运行编号'],
  endOfReport: ['End of report {id}', '报告结束 {id}'],
  contents: ['Contents', '目录'],
  page: ['page', '第'],
  summary: ['Summary', '摘要'],
  exitAccepted: ['exit code {code}, known violations accepted', '退出码 {code}（已接受已知不符合）'],
  exitCode: ['exit code {code}', '退出码 {code}'],
  count: ['{n} {verdict}', '{verdict} {n} 项'],
  saysViolates: [
    'The device violates: {n} of {executed} executed cases show it with evidence.',
    '设备不符合：已执行的 {executed} 项用例中，{n} 项有不符合的证据。',
  ],
  saysKnown: [
    '{n} of these violations are known and agreed, and count as violations all the same.',
    '其中 {n} 项为已知并经同意的不符合，仍按不符合计。',
  ],
  saysError: [
    'The bench failed in {n} cases, which says nothing about the device; no executed case shows a violation.',
    '测试台在 {n} 项用例中发生故障，对设备不作结论；已执行的用例未发现不符合。',
  ],
  saysUndecided: [
    'No violation was seen, but {n} cases were not decided or not executed: this is not a pass.',
    '未发现不符合，但有 {n} 项用例未能判定或未执行：不能视为通过。',
  ],
  saysConforms: [
    'Every applicable case that was selected conforms: {n} of {executed}.',
    '所选的全部适用用例均符合：{executed} 项中的 {n} 项。',
  ],
  saysNothing: ['Nothing was executed: nothing has been shown.', '未执行任何用例：未得到任何结论。'],
  saysInterrupted: [
    'The run ended before its time; what it did not reach is not executed.',
    '运行提前结束；未到达的用例按未执行计。',
  ],
  saysDefects: [
    'The simulated device was broken on purpose: {defects}. This report is about no real product.',
    '模拟设备被有意设置了缺陷：{defects}。本报告不涉及任何实际产品。',
  ],
  testedTo: [
    'Tested to {catalogue} {version}, at depth {depth}; what that leaves out stands under “{section}”.',
    '检测依据：{catalogue} {version}，深度 {depth}；未覆盖的内容见“{section}”。',
  ],
  noConformity: [
    'This report states conformity to that catalogue only, not to any standard that the catalogue is anchored in.',
    '本报告仅对该用例目录作符合性声明，不声明符合其所引用的任何标准。',
  ],
  catalogueDiffers: [
    'This report was made with catalogue {now} (SHA-256 {nowSha}…), the run with {then} ({thenSha}…): titles, requirements and the trace are those of the former.',
    '生成本报告所用目录为 {now}（SHA-256 {nowSha}…），运行时所用目录为 {then}（{thenSha}…）：标题、要求与追溯以前者为准。',
  ],
  englishTitles: [
    'Titles of cases, reasons and findings are given in English, as the catalogue and the record have them.',
    '用例标题、原因与发现按目录和记录原文以英文给出。',
  ],
  case: ['Case', '用例'],
  title: ['The device …', '设备应当……'],
  severity: ['Severity', '严重程度'],
  verdict: ['Verdict', '判定'],
  reason: ['Reason', '原因'],
  took: ['Time', '用时'],
  expected: ['Expected', '预期'],
  observed: ['Observed', '观察到'],
  finding: ['Finding', '发现'],
  evidence: ['Evidence', '证据'],
  requirement: ['Requirement', '要求'],
  claims: ['Claims', '声称'],
  violations: ['Violations', '不符合项'],
  noViolations: ['No violation was found.', '未发现不符合项。'],
  stimulus: ['Stimulus', '激励'],
  stimuliMore: ['… and {n} more stimuli; all are in the record.', '……另有 {n} 项激励；全部见记录。'],
  noImage: ['no image', '无映像'],
  verdictEntry: ['Verdict in the record', '记录中的判定'],
  entryPlace: [
    'entry {seq} (line {line} of record.jsonl), hash',
    '条目 {seq}（record.jsonl 第 {line} 行），哈希',
  ],
  entriesOfCase: ['Entries of this case', '本用例的条目'],
  entryRange: ['{n} entries, {from} to {to}', '{n} 条，{from} 至 {to}'],
  wireSegments: ['Wire bytes', '线路字节'],
  wirePlace: ['{file}, bytes {from} to {to} of {bytes}', '{file}，第 {from} 至 {to} 字节，共 {bytes} 字节'],
  stateBeforeAfter: ['State', '状态'],
  recordRoot: ['Merkle root of the record', '记录的默克尔根'],
  stampOfOpening: ['Time-stamp of the first entry', '首条目的时间戳'],
  stampOfRoot: ['Time-stamp of the root', '根的时间戳'],
  stamped: [
    '{what}: {time}. Imprint and nonce fit; the signature of the authority is checked by {line}',
    '{what}：{time}。摘要与随机数相符；时间戳机构的签名由下列命令验证：{line}',
  ],
  stampPending: ['{what}: pending, no authority has been reached', '{what}：待处理，尚未联系到时间戳机构'],
  stampWrong: ['{what}: WRONG, {why}', '{what}：错误，{why}'],
  notClosed: ['the record was not closed', '记录未关闭'],
  notTested: ['What was not tested or not decided, and why', '未检测或未能判定的内容及原因'],
  notDecided: ['Not decided', '未能判定'],
  benchFailed: ['The bench failed', '测试台故障'],
  notExecuted: ['Selected, not executed', '已选但未执行'],
  notApplicable: ['Not applicable, as the customer declares', '按客户声明不适用'],
  leftOutByDepth: ['Left out by depth {depth}', '因深度 {depth} 而省略'],
  leftOutImages: [
    '{n} attack images, of cases that ran without them: {ids}',
    '{n} 个攻击映像（相关用例未使用其执行）：{ids}',
  ],
  leftOutCases: ['{n} cases: {ids}', '{n} 项用例：{ids}'],
  notSelected: ['In the catalogue and not selected for this run', '目录中有但本次未选'],
  notBuilt: ['In the catalogue and not built yet', '目录中有但尚未实现'],
  nothingLeft: [
    'Nothing: all selected cases were decided, and nothing was left out.',
    '无：所选用例均已判定，且无省略。',
  ],
  allCases: ['All results', '全部结果'],
  filter: ['Show', '显示'],
  filterText: ['Find …', '查找……'],
  noCases: ['No case was selected.', '未选择任何用例。'],
  attempts: ['{n} attempts', '{n} 次尝试'],
  yes: ['yes', '是'],
  no: ['no', '否'],
  none: ['None.', '无。'],
  cases: ['Cases', '用例'],
  name: ['Name', '名称'],
  more: ['and {n} more', '另有 {n} 项'],
} as const satisfies Readonly<Record<string, Pair>>;

export const labels = { ...generalLabels, ...itemLabels, ...ruleLabels } as const;
export type Label = keyof typeof labels;
export type Fill = Readonly<Record<string, string | number>>;
/** A label in one language. */
export type Translate = (label: Label, fill?: Fill) => string;

/** @returns the labels of one language */
export function translator(language: Language): Translate {
  const column = language === 'en' ? 0 : 1;
  return (label, fill = {}) =>
    labels[label][column].replace(/\{(\w+)\}/g, (whole, name: string) => String(fill[name] ?? whole));
}
