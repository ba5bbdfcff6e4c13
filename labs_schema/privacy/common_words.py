"""Common words that are also names. Such a word alone never matches a surname or an id.

English words that are common surnames, and words that are frequent in programs. `benchmarks/hidden_names.py` measures
their effect on the comments of real labs.
"""

from labs_schema.source.lexer import KEYWORDS

_ENGLISH = """
abbot abbott able acre adair alley amber angel arch archer argue ash askew autumn bail bailey baker ball banks bar
barber barge bark barn baron barrow base bass batch bay beach bean bear beard beck bell belt bench bend berry best
better bill bird bishop bit bits black blank block blood bloom blue bold bond bone book boot booth born boss bound bow
bowl box boy branch brand brave bread breaks brick bridge bright brook brown brush buck bug bull burn burns bush
butcher butler butter byrd byte cage cain call camp cane cannon canon card care carpenter carrier cart carter carver
cash cast castle cave chain chair chance change chapman charge chase check cherry child choice church clark clay clear
clerk click cliff clock close cloud coach coal coast coat code coil coin cold cole collar comb common constant cook
cool cooper copy core corn corner cost cotton couch count counts court cove cox crane cream crisp cross crow crown
cruise cup curry dark dash date day days deal dean dear deep deer dial dice dick dish dock doe dollar dove down drain
draper drew drive drum duck duke earl early east eden edge else empty english error even ever fair faith fall farmer
farrow fast field fields file finch find fine finger fire first fish fisher flag flat fleet flood floor flower flowers
fly fold folk ford forest form forth foster found fountain fox frame frank free freeman french friday friend frost
fuller gain gale game garden gardener garner gates gentle giant gift glass glove gold golden good goods gore grace
grade grand grant graves gray green greet grey grid grove guard guest guide gunn guy hack hale hall ham hammer hand
hands handy hard hare harp hart hash haste hatch hawk hay head heap heard heart heath hedge help hen herd here high
hill hills hint hit hobby hog hole hollow holly home honey hood hook hope horn horse host hour house hunt hunter index
iron island jack jewel job joy judge jump just justice keen keep key keys kid kind king kings kitchen knight lake lamb
lamp lane large lark last law lawn lay leaf league lee left lemon lever light like lily limb line lines link lion list
lists little live lock log logic lone long longer loop lord loss lot love low luck lucky mace main major maker manage
manner many map marble march mark marks marsh mask mason master max may maze mead mean means mercer merry mile miles
mill miller min miner mint mode moody moon moor more morning moss most mouse move name needle new newman nice night
noble none noon norm north nose note number oak odd old olive order other out outlaw over page paint pair palm paper
park parker parrot part parts past patch path pay payne peace peach peacock pear pearl peck peel pen penny pepper
person pike pillar pin pitt pitts plain plank plant plate plot plum point points pole pond pool poor pope port post
potter potts pound power prayer press price pride priest prime prince print prior proper pull purple queen quest queue
quick race raft rail rain raise ramp range ranger rate raven ray read reader real red reed reid rest return rhodes
rice rich rider right ring rise river road robin rock root rose round row rows rule rush rust sage said sail saint
salt same sand sands savage save sawyer say scale school score sea seal search season see self sell sense series set
sharp shell shepherd shield ship shoe shore short shot show side silver simple singer single size skill skinner sky
slack slate sleep small smart smith snow solution son song sort sorted space sparks speaker spear speed spell spence
spice spring square stack staff stage star starr start state steel steep stem step steps stern stick still stock stone
storm stout strange stream street string strong student sum summer sun sunday swan swap sweet swift table tail talent
tall tan taylor teacher temple tens test text thin thing thorn time times title token tom tower town tract train tree
trees trim true trust tuck turn turner twin type under underwood use user usher vail vale valley value values vance
vane vine virtue voice wade wagner wait walk walker wall walls ward ware warm warren wash water waters watt watts way
weaver webb week weir well wells west wheat wheel while white wide wild will wills win wind window winter wise with
wolf wood woods word words work world worth wren wright write yard year young zero
"""
_PROGRAMS = """
abs add alloc append args argv array arrays assert avg back begin bin bool boolean buffer bytes cat cin clone cmp cnt
column columns console const cout cpp cpu data debug dec delete den depth diff digit digits dim double element
elements end endl equal error exit exp file files first fmt fopen fscan func gcc getline getter height hello hex high
ids include info init input insert int integer item items iter java javascript lab lambda len length level local low
lower main malloc match math matrix merge method minus mod module neg next node nodes null num object odd output pair
param params parse plus pop pos pow pre prev printf private program programa public push python quick rand random
reader ref remove replace res reset result rev reverse root run scan scanf scanner search seed self setter sin solve
source sqrt src std stdin stdio stdlib stdout store str strings struct sub switch sys system temp test tests tmp todo
tok tokens total tuple upper util utils val var variable vec vector void width world
"""
COMMON_WORDS = frozenset(word.casefold() for word in (*_ENGLISH.split(), *_PROGRAMS.split(), *KEYWORDS))
"""Case-folded."""
