/** What a timeline says, in the languages of the page. */
export interface TimelineTexts {
  readonly timeline: string;
  /** What the keys do. */
  readonly keys: string;
  readonly events: string;
  readonly application: string;
  readonly kernel: string;
  readonly network: string;
  readonly world: string;
  readonly runs: string;
  readonly blocked: string;
  readonly idle: string;
  readonly inKernel: string;
  readonly waits: string;
  readonly copies: string;
  readonly works: string;
  readonly zoomIn: string;
  readonly zoomOut: string;
  readonly fit: string;
  readonly proportional: string;
  readonly details: string;
  readonly nothing: string;
  readonly empty: string;
  readonly inputs: string;
  readonly answer: string;
  readonly open: string;
  readonly begins: string;
  readonly ends: string;
  readonly takes: string;
  readonly phase: string;
  readonly process: string;
  readonly connection: string;
  readonly from: string;
  readonly to: string;
  readonly flags: string;
  readonly bytes: string;
  readonly text: string;
  readonly who: string;
  readonly what: string;
}

const english: TimelineTexts = {
  timeline: 'Timeline',
  keys: 'plus and minus zoom, 0 shows all, the arrows move in time, Home and End go to its ends.',
  events: 'Calls and events',
  application: 'application',
  kernel: 'kernel',
  network: 'network',
  world: 'world',
  runs: 'runs',
  blocked: 'blocked',
  idle: 'asleep, with nothing to do',
  inKernel: 'in a call, awake',
  waits: 'waits for data',
  copies: 'copies data',
  works: 'other work',
  zoomIn: 'Zoom in',
  zoomOut: 'Zoom out',
  fit: 'Show all',
  proportional: 'True to time',
  details: 'What happens',
  nothing: 'What happens is explained here, or the call that is chosen in the picture or the list.',
  empty: 'Nothing has happened.',
  inputs: 'inputs',
  answer: 'answer',
  open: 'has not come back',
  begins: 'begins',
  ends: 'ends',
  takes: 'takes',
  phase: 'phase',
  process: 'process',
  connection: 'connection',
  from: 'from',
  to: 'to',
  flags: 'flags',
  bytes: 'bytes',
  text: 'text',
  who: 'who',
  what: 'what',
};

const chinese: TimelineTexts = {
  timeline: '時間軸',
  keys: '加號與減號縮放，0 顯示全部，方向鍵沿時間移動，Home 與 End 移到兩端。',
  events: '呼叫與事件',
  application: '應用程式',
  kernel: '核心',
  network: '網路',
  world: '外界',
  runs: '執行中',
  blocked: '阻塞',
  idle: '無事可做而休眠',
  inKernel: '呼叫中，未阻塞',
  waits: '等待資料',
  copies: '複製資料',
  works: '其他工作',
  zoomIn: '放大',
  zoomOut: '縮小',
  fit: '顯示全部',
  proportional: '依實際時間比例',
  details: '發生的事',
  nothing: '這裡說明目前發生的事，或在圖中、清單中選取的呼叫。',
  empty: '尚未發生任何事。',
  inputs: '輸入',
  answer: '結果',
  open: '尚未返回',
  begins: '開始',
  ends: '結束',
  takes: '歷時',
  phase: '階段',
  process: '行程',
  connection: '連線',
  from: '來自',
  to: '送往',
  flags: '旗標',
  bytes: '位元組',
  text: '內容',
  who: '誰',
  what: '做什麼',
};

export const timelineTexts = { en: english, 'zh-TW': chinese } as const;
