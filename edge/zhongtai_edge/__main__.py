from zhongtai_edge.main import main

main()
