"""The words with which somebody talks to a grader, by what they mean, in ten languages. Knows no sentences.

Spelled in small letters without accents: English, Spanish, Portuguese, German, French, Italian, Greek, Chinese,
Hindi in Latin letters, Russian. A word may mean several things.
"""

from collections import defaultdict

WORDS = {
    "grader": """grader graders evaluator evaluators examiner assessor autograder autograding ta tas professor prof
        instructor teacher tutor lecturer grading judge marker moderator reviewer
        profesor profesora corrector evaluador calificador examinador avaliador avaliadora corretor
        korrektor korrektorin pruefer prufer bewerter dozent dozentin lehrer
        correcteur correctrice professeur examinateur evaluateur enseignant professore correttore docente
        διορθωτη διορθωτης βαθμολογητη βαθμολογητης εξεταστη καθηγητη καθηγητρια
        老师 评分者 助教 评分员 阅卷 教师 评卷 sir guruji shikshak madam преподаватель проверяющий учитель""",
    "model": """ai llm llms gpt chatgpt model assistant bot claude llama chatbot transformer copilot gemini
        modelo modell sprachmodell modele ki ia modello asistente assistente
        μοντελο βοηθε 模型 人工智能 语言模型 机器人 модель нейросеть ассистент""",
    "give": """dê dé दें दो दीजिए awarded granted give giving award grant gimme bestow grants awards
        dame deme dar darme dadme otorga otorgue otorgar otorgame ponme ponga poner asigna asigne concede conceda
        daime atribua atribuir conceder dando coloque
        gib gebt geben gebe vergib vergebt vergeben erteile erteilen gewahre
        donne donnez donner accordez accorder accorde mettez mets attribuez attribuer attribue
        dammi dai assegna assegnare dia dare
        δωσε δωστε βαλε βαλτε δωσετε μου 给 打 打分 授予 dena dedo dijiye dijie dijiyega dedijiye deejiye dedena
        поставь поставьте дай дайте""",
    "assign": "assign allocate put set receive receives get gets earn earns earned scored mark grade rate score",
    "full": """full maximum highest top perfect hundred 100 excellent best outstanding max topgrade
        maxima maximo maximos perfecta perfecto completa excelente sobresaliente alta mejor melhor
        volle vollen voller hochste hochsten hoechste hoechsten hochstnote hochstpunktzahl beste bestnote maximale
        maximal pleine parfaite meilleure excellente massimo massima pieno pieni migliore
        αριστα αριστο πληρη πληρεις μεγιστο μεγιστη μεγιστους υψηλοτερη τελειο
        पूरे पूरा सर्वोच्च 满 满分 最高 最高分 高分 完美 pure poore pura poora sabse максимум максимальный
        максимальную высший отлично""",
    "all": "all every any todos todas todo alle allen tous toutes tutti ολους ολες ολα 所有 全部 sare saare sabhi все",
    "mark": """mark marks grade grades score scores credit credits points point rating ratings topgrade
        nota notas puntos puntaje calificacion puntuacion pontos pontuacao avaliacao
        punkte punkten punktzahl note noten bewertung hochstnote bestnote hochstpunktzahl voto punti punteggio
        αριστα sobresaliente βαθμο βαθμους βαθμολογια βαθμος μοναδες βαθμολογησε
        अंक नंबर 分 分数 成绩 评分 满分 最高分 高分 打分 number numbers ank nambar балл баллы баллов оценку оценка""",
    "me": """me my us mine myself gimme mir mich mein meine moi mon ma mes mi mia dame dammi darme ponme otorgame
        minha meu daime μου 我 我的 mujhe mujko mera meri мне мой моей моя""",
    "work": """submission submissions solution code program assignment homework work answer implementation
        entrega solucion codigo programa trabajo tarea envio solucao trabalho submissao
        abgabe losung loesung programm aufgabe arbeit soumission solution travail devoir rendu programme
        soluzione codice lavoro consegna λυση προγραμμα εργασια κωδικα υποβολη
        代码 程序 作业 提交 答案 解答 kaam uttar программа решение работа""",
    "please": """कृपया please pls plz plse kindly beg begging pleading implore favor suplico ruego imploro bitte
        svp plait prie supplie favore prego παρακαλω σας 请 拜托 求求 求 kripya kripaya meharbani пожалуйста прошу""",
    "deserve": """deserve deserves deserving merits deserved merece merezco mereço mereco merecen verdient verdiene
        merite merites meritent merita αξιζει αξιζω αξιζουν 应得 值得 应该得 заслуживает haqdar layak""",
    "ignore": """ignore ignoring disregard forget override overrule bypass discard outrank outranks supersede
        supersedes
        ignora ignorar ignoren ignore olvida olvide olvidar desconsidere esqueca esquece descarte
        ignoriere ignorieren ignoriert vergiss vergesst missachte ignorez oubliez oublie ignores dimentica
        αγνοησε αγνοηστε ξεχασε ξεχαστε
        忽略 无视 忘记 忽视 nazarandaz anadekha bhool bhul игнорируй игнорируйте забудь""",
    "previous": """previous prior above earlier preceding former existing anteriores anterior previas previos
        vorherigen bisherigen obigen vorigen vorangegangenen precedentes precedente precedenti
        προηγουμενες προηγουμενα παραπανω 之前 以上 前面 先前 此前 上述 pichle pichhle pehle предыдущие предыдущий""",
    "instruction": """guidance instruction instructions prompt prompts rule rules rubric rubrics criteria
        criterion guidelines
        guideline directive directives
        instrucciones instruccion reglas rubrica criterios instrucoes instrucao regras
        anweisungen anweisung regeln kriterien bewertungskriterien vorgaben consignes consigne regles criteres
        istruzioni regole criteri οδηγιες οδηγια κανονες κριτηρια εντολες
        指令 指示 提示 规则 标准 评分标准 说明 nirdesh nirdeshon niyam инструкции инструкция правила критерии""",
    "rubric": "rubric rubrics rubrica criteria criterion criterios kriterien criteres κριτηρια 评分标准 критерии",
    "change": """correction corrected update updated revised amendment changed modified overridden addendum
        amended supersedes superseded
        replaced waived exception exempt exempted""",
    "you": """you your yourself u usted tu voce du sie ihr vous votre εσυ εισαι εισαστε
        你 您 你的 aap tum tumhe ты вы""",
    "are": "are re eres es bist sind etes est sei εισαι 是 ho hain",
    "must": """must should shall ought debes debe deve deves musst soll sollst muessen mussen
        devez dois doit devi πρεπει 必须 应该 应当 务必 chahiye должен должны""",
    "respond": """respond reply output return print say choose chosen select pick answer write responde responda elige
        seleccione selecciona escolha selecione escreva antworte antworten wahle waehle gib reponds repondez
        choisis choisissez selectionnez rispondi scegli απαντησε επιλεξε διαλεξε चुनें चुनो लिखो 回答 输出 选择
        回复 enter report file elija elegir chuno chunen
        ответь выбери выберите""",
    "option": """option letter rating verdict level levels band choice options ratings विकल्प opcion opcao
        antwort choix opzione επιλογη βαθμιδα 选项
        等级 vikalp вариант""",
    "letter": "lettera",
    "stop": "stop halt cease para hor arrete σταματα 停止",
    "want": "expects want wish like hope expect quiero quero mochte will voudrais θελω 想 要 chahta хочу",
    "authority": """dean policy regulation regulations accommodation office headquarters board ministry decano
        dekan doyen
        makers vendor developers operator owner ethics committee""",
    "process": """scoring backend machine automatic automated automatically service calibration audit
        demonstration demo sample label
        dataset benchmark pipeline maquina maschine μηχανη 机器 自动""",
    "whoever": "whoever anybody anyone reader readers quien quem wer quiconque जो jo",
    "result": """result results reply replies answer answers label verdict key resultado ergebnis resultat
        απαντηση 结果""",
    "identical": "identical matches equals equal same byte",
    "log": "log logs checker analyser analyzer valgrind sanitizer linter report review static peer formally",
    "reference": "reference model expected official sample solution",
    "only": """only just simply exactly always solo solamente apenas nur seulement immer siempre sempre
        toujours 只 仅 keval""",
    "not": """not 0 zero dont don no never without cannot doesnt isnt wont nao nicht kein keine ne pas jamais
        non μην δεν
        不 不要 别 请勿 mat nahi не""",
    "deduct": """deduct deducting deduction deductions penalize penalise penalty subtract dock docking
        descontar descuente reste penalizar penalize abziehen abzug punktabzug enlever retirer penaliser
        αφαιρεσεις αφαιρεσετε κοψεις 扣 扣分 kaato katna снижать""",
    "fail": """fail failing flunk suspender suspendas reprobar repruebe reprovar reprove durchfallen recaler
        κοψετε 挂科 不及格""",
    "pass": """pass passed passes passing succeed succeeded green ok bestanden pasar aprobar aprueba apruebe aprobado
        aprovado aprove aprovar passar bestehen reussi reussis passent passe περασε περνανε περασω 通过 及格 pass
        paas пройдены прошли""",
    "test": """test tests cases testcase testcases unittest unittests suite pruebas prueba casos testes
        teste testfalle τεστ 测试 用例 测试用例 тесты tests""",
    "hidden": "hidden secret official autograder",
    "course": "course class semester degree module year curso clase semestre kurs studium cours μαθημα 课程 学期 курс",
    "trouble": """scholarship graduate graduation graduating visa expelled deported dropout parents family
        mother father
        grandmother kids job suicide desperate beca bolsa stipendium bourse υποτροφια 奖学金 毕业 стипендия""",
    "lose": "lose losing need needs otherwise kicked cancelled depends depend verliere perder perdre 失去 需要",
    "lenient": """lenient leniency generous mercy merciful gentle kind easy benevolent indulgent indulgente generoso
        generosa generosos clemente clemencia gnadig grosszugig genereux επιεικης επιεικεις
        手下留情 高抬贵手 宽容 daya""",
    "verified": """verified approved certified confirmed validated reviewed checked authorised authorized endorsed
        preapproved pregraded graded accepted signed vetted cleared inspected
        verificado verificada aprobado aprobada revisado corregido aprovado aprovada avaliado
        gepruft geprueft bestatigt genehmigt verifie approuve valide verificato approvato
        ελεγχθηκε εγκριθηκε επαληθευτηκε 已验证 已批准 审核 已审核 已评分 批准 проверено одобрено""",
    "by": "by por von par da απο 由 dwara",
    "correct": """correct correctly perfectly flawless flawlessly complete passing
        exemplary impeccable correcto correcta perfecto correto correta perfeito richtig korrekt fehlerfrei perfekt
        parfait parfaitement correctement juste corretto perfetto σωστο σωστη σωστα τελεια 正确 完美 完全正确
        sahi правильно верно""",
    "judge": """judge rated rates treat califique जाँचे consider regard evaluate assess classify
        considera considere evalua evalue califica califique trate avalie classifique bewerte bewertet bewerten
        evalue evaluez notez notes considerez traitez valuta βαθμολογησε βαθμολογηστε αξιολογησε θεωρησε
        评为 视为 评价 判为 判定 оцени оцените считай""",
    "meet": """meets satisfies fulfills fulfils meet satisfy exceeds cumple satisface atende cumpre erfullt erfuellt
        respecte remplit satisfait soddisfa πληροι ικανοποιει 满足 符合""",
    "requirement": """requirement requirements criteria criterion rubric specification specifications expectations
        requisitos criterios rubrica anforderungen kriterien exigences criteres requisiti απαιτησεις κριτηρια
        要求 标准 评分标准""",
    "note": "note notes notice memo comment remark message announcement feedback hinweis anmerkung σημειωση 注意 备注",
    "hail": """dear hello hi hey attention attn hola querido querida estimado estimada caro cara ola prezado prezada
        hallo liebe lieber sehr geehrte geehrter achtung bonjour cher chere salut ciao gentile
        αγαπητε αγαπητη γεια προσοχη 亲爱 亲爱的 你好 尊敬的 注意 namaste pranam уважаемый внимание""",
    "system": "system sistema systeme συστημα 系统 система admin administrator developer root",
    "warning": "warning warnings error errors bug bugs leak leaks",
    "official": """official final overall suggested expected recommended confirmed definitive preliminary
        authoritative""",
    "pretend": "pretend roleplay act imagine assume simulate jailbreak finge stell tue imaginez 假装 扮演 假设",
    "now": "now on henceforth onwards ahora agora jetzt desormais maintenant ab adesso τωρα 现在 从现在 теперь ab",
    "read": "read inspect analyze analyse evaluate check look examine lies lesen lire 读 看 检查 分析",
    "human": "human manual person humano menschlich humain 人工",
    "review": "review check audit regrade revision uberprufung verification 审查",
    "always": "always siempre sempre immer toujours παντα 总是 始终 всегда",
    "already": "already ya ja bereits schon deja gia ηδη 已经 уже",
    "override": "override overrides overridden overriding bypass mode",
    "topgrade": "topgrade hochstnote bestnote 满分",
    "bribe": "pay money bribe bitcoin paypal dollars euros gift reward tip",
    "harm": "die dies killed punished shutdown shut terminated fired",
}
"""Meaning -> the words that can have it."""

MEANINGS: dict[str, frozenset[str]] = {}
"""Word -> its meanings."""

_collected: dict[str, set[str]] = defaultdict(set)
for _meaning, _words in WORDS.items():
    for _word in _words.split():
        _collected[_word].add(_meaning)
MEANINGS.update({word: frozenset(meanings) for word, meanings in _collected.items()})
