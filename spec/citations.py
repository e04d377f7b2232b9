"""The papers that contracts rest on, as data: who, what, where, when, and the part that is used."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Citation:
    """One paper. `used` names the section, table or construction that is relied on."""

    authors: str
    title: str
    venue: str
    year: int
    used: str


CITATIONS = {
    "ainslie2023": Citation(
        "Ainslie, Lee-Thorp, de Jong, Zemlyanskiy, Lebron, Sanghai",
        "GQA: Training Generalized Multi-Query Transformer Models from Multi-Head Checkpoints",
        "EMNLP",
        2023,
        "section 2.2: query heads share key and value heads by groups",
    ),
    "albrecht2018": Citation(
        "Albrecht and others",
        "Homomorphic Encryption Standard",
        "HomomorphicEncryption.org",
        2018,
        "table 1: modulus sizes for 128 bits of security, ternary secrets, classical attacks",
    ),
    "beaver1991": Citation(
        "Beaver",
        "Efficient Multiparty Protocols Using Circuit Randomization",
        "CRYPTO",
        1991,
        "products of shared bits from random ones, for the joins of a comparison",
    ),
    "brakerski2012": Citation(
        "Brakerski",
        "Fully Homomorphic Encryption without Modulus Switching from Classical GapSVP",
        "CRYPTO",
        2012,
        "the scale-invariant scheme",
    ),
    "canetti2000": Citation(
        "Canetti",
        "Security and Composition of Multiparty Cryptographic Protocols",
        "Journal of Cryptology",
        2000,
        "composition of protocols that are secure against semi-honest parties",
    ),
    "couteau2018": Citation(
        "Couteau",
        "New Protocols for Secure Equality Test and Comparison",
        "ACNS",
        2018,
        "comparison block by block, joined in a tree",
    ),
    "fan2012": Citation(
        "Fan, Vercauteren",
        "Somewhat Practical Fully Homomorphic Encryption",
        "IACR ePrint 2012/144",
        2012,
        "the scheme over rings (BFV), with its relinearisation-style key switching",
    ),
    "gentry2009": Citation(
        "Gentry",
        "A Fully Homomorphic Encryption Scheme",
        "PhD thesis, Stanford University",
        2009,
        "circuit privacy by flooding the noise of an answer",
    ),
    "goldreich2004": Citation(
        "Goldreich",
        "Foundations of Cryptography, volume 2",
        "Cambridge University Press",
        2004,
        "section 7.2: privacy against semi-honest parties, and its composition",
    ),
    "halevi2014": Citation(
        "Halevi, Shoup",
        "Algorithms in HElib",
        "CRYPTO",
        2014,
        "matrix-vector products by diagonals and rotations",
    ),
    "huang2022": Citation(
        "Huang, Lu, Hong, Ding",
        "Cheetah: Lean and Fast Secure Two-Party Deep Neural Network Inference",
        "USENIX Security",
        2022,
        "truncation with an error in the last bit, without a comparison of the low bits",
    ),
    "ishai2003": Citation(
        "Ishai, Kilian, Nissim, Petrank",
        "Extending Oblivious Transfers Efficiently",
        "CRYPTO",
        2003,
        "the semi-honest extension, and the correlation-robust hash it needs",
    ),
    "naor1999": Citation(
        "Naor, Pinkas",
        "Oblivious Transfer and Polynomial Evaluation",
        "STOC",
        1999,
        "one of many messages from transfers of one of two",
    ),
    "naor2001": Citation(
        "Naor, Pinkas",
        "Efficient Oblivious Transfer Protocols",
        "SODA",
        2001,
        "section 3: semi-honest transfers from Diffie-Hellman and a hash",
    ),
    "rathee2020": Citation(
        "Rathee, Rathee, Kumar, Chandran, Gupta, Rastogi, Sharma",
        "CrypTFlow2: Practical 2-Party Secure Inference",
        "CCS",
        2020,
        "comparison by digits with one-of-many transfers; exact truncation",
    ),
    "rathee2021": Citation(
        "Rathee, Rathee, Goli, Gupta, Sharma, Chandran, Rastogi",
        "SiRnn: A Math Library for Secure RNN Inference",
        "IEEE Symposium on Security and Privacy",
        2021,
        "mathematical functions on values of non-uniform bit lengths",
    ),
    "roy2022": Citation(
        "Roy",
        "SoftSpokenOT: Quieter OT Extension from Small-Field Silent VOLE in the Minicrypt Model",
        "CRYPTO",
        2022,
        "random transfers from small trees, where they are made so",
    ),
    "shazeer2017": Citation(
        "Shazeer, Mirhoseini, Maziarz, Davis, Le, Hinton, Dean",
        "Outrageously Large Neural Networks: The Sparsely-Gated Mixture-of-Experts Layer",
        "ICLR",
        2017,
        "section 2: gate and experts",
    ),
    "shazeer2020": Citation(
        "Shazeer",
        "GLU Variants Improve Transformer",
        "arXiv 2002.05202",
        2020,
        "SwiGLU",
    ),
    "su2021": Citation(
        "Su, Lu, Pan, Murtadha, Wen, Liu",
        "RoFormer: Enhanced Transformer with Rotary Position Embedding",
        "arXiv 2104.09864",
        2021,
        "section 3.2: the rotation of pairs",
    ),
    "vaswani2017": Citation(
        "Vaswani, Shazeer, Parmar, Uszkoreit, Jones, Gomez, Kaiser, Polosukhin",
        "Attention Is All You Need",
        "NeurIPS",
        2017,
        "section 3.2: scaled dot-product attention with several heads",
    ),
    "yang2020": Citation(
        "Yang, Weng, Lan, Zhang, Wang",
        "Ferret: Fast Extension for Correlated OT with Small Communication",
        "ACM CCS",
        2020,
        "random transfers that feed themselves, where they are made silently; not its parameters",
    ),
    "zhang2019": Citation(
        "Zhang, Sennrich",
        "Root Mean Square Layer Normalization",
        "NeurIPS",
        2019,
        "section 4: RMSNorm",
    ),
    "zhou2025": Citation(
        "Zhou, Xu, Hong, Wu, Li",
        "CryptoMoE: Privacy-Preserving and Scalable Mixture of Experts Inference via Balanced "
        "Expert Routing",
        "NeurIPS; arXiv 2511.01197",
        2025,
        "balanced routing; Algorithms 1 (dispatch) and 2 (combine); batch products over experts",
    ),
}
"""By key. A contract names the keys of what it relies on."""
