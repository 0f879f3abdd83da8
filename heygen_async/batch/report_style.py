"""The style sheet of the report page."""

STYLE = """
:root{--bg:#f6f7f9;--card:#fff;--ink:#1b2430;--soft:#647084;--line:#e3e7ed;--run:#3f6ff0;
--runsoft:#3f6ff055;--limit:#d97706;--good:#1f9d6b;--bad:#d6453d;--wait:#8b97a8;--odd:#d9a406}
@media (prefers-color-scheme:dark){:root{--bg:#0f1319;--card:#181d25;--ink:#e7eaf0;--soft:#97a3b5;
--line:#2a313c;--run:#7ba0ff;--runsoft:#7ba0ff4d;--limit:#f2a33c;--good:#45bd88;--bad:#f4746b;
--wait:#6b7788;--odd:#e3b83a}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}
header p{margin:0;color:var(--soft)}
h1{margin:0 0 4px;font-size:26px;line-height:1.25;overflow-wrap:anywhere}
h2{margin:0 0 12px;font-size:17px}
h2 small{font-weight:400;font-size:13px;color:var(--soft);margin-left:4px}
h3{margin:20px 0 6px;font-size:15px}
code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
section,.figures div{background:var(--card);border:1px solid var(--line);border-radius:10px}
section{margin-top:16px;padding:18px 20px;break-inside:avoid}
section>p{margin:8px 0 0;color:var(--soft);font-size:13px}
section ul{list-style:none;display:flex;flex-wrap:wrap;gap:4px 20px;margin:12px 0 0;padding:0;
font-size:13px;color:var(--soft)}
section ul b{color:var(--ink)}
ul i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}
ul i.limit{height:3px;margin-bottom:3px}
ul i.pause{width:0;height:12px;margin:0 8px -2px 4px;border-radius:0;
border-left:2px dashed var(--soft)}
.bar{display:flex;gap:2px;height:14px;border-radius:7px;overflow:hidden}
.bar i{min-width:3px;flex-basis:0}
i.running{background:var(--runsoft);border:1px solid var(--run)}i.limit{background:var(--limit)}
i.completed{background:var(--good)}i.failed{background:var(--bad)}i.in-flight{background:var(--run)}
i.unanswered{background:var(--wait)}i.uncertain{background:var(--odd)}
i.not-begun{background:var(--line)}
.figures{display:grid;grid-template-columns:repeat(3,1fr);gap:12px;margin:16px 0 0}
.figures div{padding:12px 16px}
dt{font-size:13px;color:var(--soft)}dd{margin:0}dd b{display:block;font-size:21px;line-height:1.35;
font-variant-numeric:tabular-nums}dd small{color:var(--soft);font-size:12px}
.plot{display:grid;grid-template:200px 22px/44px 1fr}
.plot svg{width:100%;height:100%;display:block;overflow:visible}
.y,.x{position:relative;font-size:12px;color:var(--soft);font-variant-numeric:tabular-nums}
.y span{position:absolute;right:8px;transform:translateY(50%);line-height:1}
.x{grid-column:2}.x span{position:absolute;top:6px;transform:translateX(-50%);line-height:1;
white-space:nowrap}.x .first{transform:none}.x .last{transform:translateX(-100%)}
.grid{stroke:var(--line);vector-effect:non-scaling-stroke}
polygon.running{fill:var(--runsoft);stroke:var(--run);stroke-width:1.25;
vector-effect:non-scaling-stroke}
polyline.limit{fill:none;stroke:var(--limit);stroke-width:2;vector-effect:non-scaling-stroke}
line.pause{stroke:var(--soft);stroke-width:2;stroke-dasharray:5 4;vector-effect:non-scaling-stroke}
rect.running{fill:var(--run)}rect.completed{fill:var(--good)}rect.failed{fill:var(--bad)}
g:hover rect{opacity:.75}
table{width:100%;border-collapse:collapse;font-size:13px}
th{text-align:left;font-weight:500;color:var(--soft)}
th,td{padding:4px 12px 4px 0;border-bottom:1px solid var(--line);vertical-align:top;
overflow-wrap:anywhere}
td.id{font:12px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--soft)}
th:nth-child(1){width:22%}th:nth-child(2){width:32%}
h3 b{font-weight:600;color:var(--bad);margin-left:6px}
a{color:var(--run)}summary{cursor:pointer;margin-top:10px}
ol{columns:3 220px;font-size:13px;padding-left:48px}li small{color:var(--soft)}
@media (max-width:640px){main{padding:20px 12px 40px}.figures{grid-template-columns:1fr 1fr}
section{padding:14px}h2 small{display:block;margin:0}.plot{grid-template:160px 22px/38px 1fr}
dd b{font-size:18px}}
@media print{:root{--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#ccc;--run:#2f5fe0;
--runsoft:#2f5fe040;--limit:#b45f06;--good:#16845a;--bad:#c0332c}
main{max-width:none;padding:0}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.plot{grid-template-rows:150px 22px}}
"""
