"""Chinese surnames: which characters are one, which pairs are one together, and how they are read as a surname.

Facts of the language, collected for this file. A surname that is missing here costs little: a name's first character is
taken for the surname anyway; the lists only tell `小张` (a surname) from `小明` (a given name), and Latin spellings.
"""

SINGLE = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜"
    "范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛"
    "伍韦申尤毕聂丛焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景"
    "薄单包司柏宁柯阮桂闵解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来嵺苟全褚廉简娄盖符奚木穆党燕郎邸冀谈姬屠连郜晏栾"
    "郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都巩稽井练仲乐虞卞封竺冼原官衣楚佟栗匡宗应台巫鞠僧桑荆谌银扬明沙薄伏岑习胥保和蔺水云昌凤"
    "酆皮郗平元卜尚麻骆茅支咎经裘缪干宣贲邓杭诸钮嵇滑荀羊於惠麴家芮羿储汲邴松富乌焦巴弓牧隗山谷车宓蓬郗班仰秋伊仝暴钭厉戎祖刘束幸"
    "韶蓟印宿怀蒲鄂索咸籍双闻莘翟贡劳逄申扶堵雍却璩濮寿通扈浦农别晁柴瞿阎充慕茹宦鱼容古慎戈庾终暨居衡步耿满弘国寇广禄阙东殴殳沃利"
    "蔚越夔隆师厍勾融訾阚那空毋乜养须丰巢蒯相后红游权逯益桓公岳帅缑亢况有琴归海墨哈谯年爱佘佴伯赏南宫是谭笪仉督言第五福肖付闫代候"
    "邝冮区仝勒敬阿苏撒朴忻尧卿展鹿占门图阴母晃钦税雒"
)
# Characters of the list that begin given names or nicknames far more often than they are surnames.
RARE = frozenset("明红花阿年爱国有海和水云家山平元秋双满广利益福来强宇成东文凤")

COMPOUND = frozenset(
    """欧阳 司马 上官 诸葛 夏侯 东方 皇甫 尉迟 公孙 慕容 令狐 宇文 长孙 司徒 司空 鲜于 闾丘 子车 亓官 司寇 仉督 颛孙 端木
    巫马 公西 漆雕 乐正 壤驷 公良 拓跋 夹谷 宰父 谷梁 百里 东郭 南门 呼延 羊舌 微生 梁丘 左丘 东门 西门 南宫 第五 公羊 澹台 公冶
    宗政 濮阳 淳于 单于 太叔 申屠 仲孙 轩辕 钟离 赫连 万俟 闻人 独孤 完颜 叶赫 纳兰 爱新觉罗 耶律 贺兰 西陵 那拉 富察 钮祜禄
    屈突 步六孤 达奚 斛律 哥舒 沙陀""".split()  # noqa: SIM905  a list of seventy literals is harder to read
)

# Read otherwise as a surname than in running text.
READ_AS = {
    "单": "shan", "仇": "qiu", "解": "xie", "查": "zha", "曾": "zeng", "朴": "piao", "区": "ou", "盖": "ge", "翟": "zhai",
    "缪": "miao", "乐": "yue", "员": "yun", "覃": "qin", "洗": "xian", "种": "chong", "繁": "po", "折": "she", "黑": "he",
    "秘": "bi", "牟": "mu", "都": "du", "薄": "bo", "隗": "wei", "句": "gou", "重": "chong", "召": "shao", "佴": "nai",
    "祭": "zhai", "葛": "ge", "卜": "bu", "长": "chang", "乐正": "yuezheng",
}  # fmt: skip
